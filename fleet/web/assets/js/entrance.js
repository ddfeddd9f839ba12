// The entrance: a passkey in the place of a password.
import { startPasskeys } from "./lib/passkeys.js";

startPasskeys();
