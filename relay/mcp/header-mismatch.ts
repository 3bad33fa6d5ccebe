/** What this relay says when the headers of a message are missing or contradict it: `HeaderMismatch` of SEP-2243. */
const HEADER_MISMATCH = -32001;
/** What the library says instead, since drafts of revision 2026-07-28 gave the error another number. */
const RENUMBERED = -32020;
const BAD_REQUEST = 400;

/** An answer of the library, with our number where it refuses headers. Only what was refused is read. */
export async function withHeaderMismatch(answer: Response): Promise<Response> {
  if (answer.status !== BAD_REQUEST) return answer;
  const message: unknown = await answer.clone().json();
  if (!isRecord(message) || !isRecord(message.error) || message.error.code !== RENUMBERED) return answer;
  const error = { ...message.error, code: HEADER_MISMATCH, message: `HeaderMismatch: ${message.error.message}` };
  return Response.json({ ...message, error }, { status: BAD_REQUEST });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
