"""Webhooks are delivered: each receiver by itself, in order, however slow another one is."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from datetime import datetime, timedelta
from threading import Event
from time import monotonic

from prometheus_client import Counter

from fleet.dispatch.post import Network, post
from fleet.dispatch.webhook_body import body_of, message_id
from fleet.domain.webhooks.addresses import Allowed, target_of
from fleet.domain.webhooks.retries import SUSPECT_AFTER
from fleet.metrics import REGISTRY
from fleet.services.secrets import token_hash
from fleet.services.webhooks.deliver import Result, Waiting, settle, waiting
from fleet.services.webhooks.secret import webhook_secret
from fleet.store.webhook import Webhook, WebhookDelivery
from fleet.wire.webhooks import headers

log = logging.getLogger(__name__)

RECEIVERS_AT_ONCE = 8
GO_S = 20.0
"""After so long a receiver's go ends, and what it has taken is written down."""
LOOK_S = 0.5
"""So long a turn waits for receivers that answer at once; the others' answers are for the next."""
SUSPECTS_AT_ONCE = 5
CLOSED_WITHIN_S = 3.0
OTHER_KEY = (
    "this machine's secret_key is not that of the machine where it was added: every machine needs "
    "the same one, or the webhook a new secret"
)

_tries = Counter(
    "wardfleet_webhook_tries", "Webhook deliveries that were tried.", ["outcome"], registry=REGISTRY
)


class Deliverer:
    """Keeps who is being called at the moment, from turn to turn of the job.

    The calls have threads of their own; what came of them is written by the job, while it leads.
    """

    def __init__(
        self,
        secret_key: str,
        allowed: Allowed,
        network: Network | None = None,
    ) -> None:
        self._secret_key = secret_key
        self._allowed = allowed
        self._network = network or Network()
        self._threads = ThreadPoolExecutor(RECEIVERS_AT_ONCE, "webhook")
        self._calls: dict[int, Future[list[Result]]] = {}
        self._closing = Event()

    def __call__(self, now: datetime) -> None:
        self._settle_done(now)
        free = RECEIVERS_AT_ONCE - len(self._calls)
        for each in waiting(now, set(self._calls))[:free]:
            self._calls[each.webhook.id] = self._threads.submit(self._go, each, now)
        wait_for(self._calls.values(), timeout=LOOK_S)
        self._settle_done(now)

    def close(self) -> None:
        """After the messages that are on their way; those come again, for nobody notes them now.

        A receiver that takes its time does not keep the process from handing over to another.
        """
        self._closing.set()
        wait_for(self._calls.values(), timeout=CLOSED_WITHIN_S)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _settle_done(self, now: datetime) -> None:
        for webhook_id, call in list(self._calls.items()):
            if call.done():
                del self._calls[webhook_id]  # whatever happens: what is not written comes again
                results = call.result()
                settle(webhook_id, results, now)
                for result in results:
                    _tries.labels("failed" if result.problem else "taken").inc()

    def _go(self, each: Waiting, now: datetime) -> list[Result]:
        """In order, until one is not taken. Behind one that failed often the next ones are tried:
        so it shows whether it is that one or the receiver.
        """
        results: list[Result] = []
        began, failed = monotonic(), 0
        for delivery in each.deliveries:
            sent_at = now + timedelta(seconds=monotonic() - began)
            result = self._try(each.webhook, delivery, sent_at)
            results.append(result)
            failed = failed + 1 if result.problem else 0
            is_suspect = result.tries >= SUSPECT_AFTER and failed <= SUSPECTS_AT_ONCE
            is_over = self._closing.is_set() or monotonic() > began + GO_S
            if is_over or (failed and not is_suspect):
                break
        return results

    def _try(self, hook: Webhook, delivery: WebhookDelivery, sent_at: datetime) -> Result:
        try:
            problem = self._problem(hook, delivery, sent_at)
        except Exception as error:  # one that cannot even be said must not hold up the others
            log.exception("webhook %s, delivery %s", hook.id, delivery.id)
            problem = f"could not be sent: {type(error).__name__}"
        was_aside = delivery.next_at > delivery.at
        return Result(delivery.id, delivery.tries + 1, was_aside, problem)

    def _problem(self, hook: Webhook, delivery: WebhookDelivery, sent_at: datetime) -> str | None:
        secret = webhook_secret(self._secret_key, hook.salt)
        if token_hash(secret) != hook.secret_hash:
            return OTHER_KEY
        try:
            target = target_of(hook.url, self._allowed)
        except ValueError as problem:  # a setting has changed since
            return str(problem)
        body = body_of(delivery, hook.console)
        signed = headers(secret, message_id(delivery), sent_at, body)
        return post(target, {**HEADERS, **signed}, body, self._allowed, self._network)


HEADERS = {"Content-Type": "application/json", "User-Agent": "Wardfleet", "Connection": "close"}
