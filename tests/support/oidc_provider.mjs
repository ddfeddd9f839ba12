// A real OpenID provider (oidc-provider, certified) for the tests: node oidc_provider.mjs PORT REDIRECT_URI
// Whoever signs in as NAME+GROUP+GROUP is known by that as a whole, called NAME, and in these groups.
import Provider from "oidc-provider";

const [port, redirectUri] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "wardfleet", client_secret: "of-the-tests", redirect_uris: [redirectUri] }],
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ["of-the-tests"] },
  async findAccount(_context, id) {
    const [name, ...groups] = id.split("+");
    return { accountId: id, claims: () => ({ sub: id, preferred_username: name, groups }) };
  },
  async loadExistingGrant(context) {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
});
provider.listen(Number(port), "127.0.0.1");
