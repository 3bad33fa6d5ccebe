/** An address that takes JSON by POST. */
export type Target = { url: string; headers: Record<string, string> };

export function targetOf(url: string, apiKey?: string): Target {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (apiKey !== undefined) headers.authorization = `Bearer ${apiKey}`;
  return { url, headers };
}
