// What scripts say, in the page's language: its words come with the page (fleet/web/words.py).
const words = JSON.parse(document.body.dataset.words);

export const language = document.documentElement.lang;

export function say(name, values = {}) {
  return words[name].replace(/%\((\w+)\)s/g, (_, value) => values[value]);
}
