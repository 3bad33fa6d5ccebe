/**
 * What the relay's rooms need of a logger; pino's instances fit. Fields never hold a prompt, an answer or a secret;
 * `node`, `from` and `key` (an account) say whose doing a line is.
 */
export type RelayLog = {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
};
