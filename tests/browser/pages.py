"""Every page there is, by a name for its picture. Addresses are of the busy night."""

from tests.browser.busy_night import NONE_READY

BOARDS = {
    "wards": "/",
    "ward": "/wards/ward-2a",
    "ward-none-ready": f"/wards/{NONE_READY}",
    "cart": "/carts/cart-001",
    "ward-tablets": "/wards/ward-2a?kind=tablet",
}
DURING_AN_OUTAGE = {
    "wards-outage": "/",
    "ward-outage": "/wards/ward-2a",
    "alerts-outage": "/it/alerts",
}
ENTRANCES = {
    "login": "/login",
    "setup-spent": "/setup/spent",
    "not-found": "/nowhere",
    "offline": "/offline",
    "screen": "/screen",
}
CONSOLE = {
    "overview": "/it",
    "devices": "/it/devices",
    "devices-found": "/it/devices?q=017",
    "device": "/it/devices/cart-001",
    "device-drifted": "/it/devices/cart-023#compliance",
    "batteries": "/it/batteries",
    "batteries-by-ward": "/it/batteries?by=ward&order=health&warranty=claim",
    "battery": "/it/batteries/1",
    "battery-new-model": "/it/batteries/41",
    "battery-unknown": "/it/batteries/6",
    "battery-models": "/it/battery-models",
    "battery-model": "/it/battery-models/edit?model=LFP-40",
    "register": "/it/register",
    "enrolment": "/it/enrolment",
    "alerts": "/it/alerts",
    "quarantine": "/it/quarantine",
    "profiles": "/it/profiles",
    "profile": "/it/profiles/medication-cart",
    "firmware": "/it/firmware",
    "firmware-release": "/it/firmware/1",
    "shifts": "/it/shifts",
    "tickets": "/it/tickets",
    "floors": "/it/floors",
    "floor": "/it/floors/ward-2a",
    "badges": "/it/badges",
    "rollouts": "/it/rollouts",
    "rollout": "/it/rollouts/1",
    "rollout-new": "/it/rollouts/new",
    "ward-care": "/it/rollouts/wards",
    "diff": "/it/profiles/medication-cart/diff?from=1&to=2",
    "audit": "/it/audit",
    "audit-found": "/it/audit?what=profile&from=2026-01-01",
    "search": "/it/search?q=017",
    "short-wards": "/it/short-wards",
    "tasks": "/it/tasks",
    "tokens": "/it/tokens",
    "people": "/it/people",
    "account": "/it/account",
    "api": "/api/v1/docs",
}
