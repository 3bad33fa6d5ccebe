import type { RelayLog } from '../../relay/log.ts';

/** What was logged, as `level message`, for tests that care. */
export type CollectedLog = RelayLog & { readonly lines: string[] };

export function collectLog(): CollectedLog {
  const lines: string[] = [];
  const at = (level: string) => (_fields: Record<string, unknown>, message: string) => {
    lines.push(`${level} ${message}`);
  };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
