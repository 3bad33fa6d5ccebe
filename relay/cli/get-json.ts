import { fromProblemRecord, Problem } from '../../shared/problems/problem.ts';

/** One GET against a relay. Throws the relay's refusal, or `relay_unreachable`. */
export async function getJson<Answer>(relayUrl: string, path: string, apiKey: string): Promise<Answer> {
  const response = await fetch(`${relayUrl}${path}`, { headers: { authorization: `Bearer ${apiKey}` } }).catch(
    (cause: unknown) => {
      throw new Problem('relay_unreachable', `No relay answers at ${relayUrl}. Start one with: sparewatt relay`, {
        cause,
      });
    },
  );
  const body = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
  if (response.ok) return body as Answer;
  if (body.code === undefined) {
    throw new Problem('relay_unreachable', `${relayUrl} answered with status ${response.status}, not as a relay does.`);
  }
  throw fromProblemRecord({ code: body.code, detail: body.detail ?? '' });
}
