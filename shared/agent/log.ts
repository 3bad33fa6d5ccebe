/** What the agent needs of a logger; pino fits as it is. Fields never hold a prompt, an answer or a secret. */
export type AgentLog = {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
};
