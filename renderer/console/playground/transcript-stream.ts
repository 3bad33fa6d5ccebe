import { fetchFromRelay, problemOf } from '../api.ts';
import { orderRequest, type WholeAnswer, type WholeQuestion } from './ask-model.ts';
import { readEvents } from './event-stream.ts';

/** As the relay's `transcript.text.delta` and `transcript.text.done`. */
type TranscriptEvent = { type: string; delta?: string; text?: string };

/** Shows what is said while it is heard. Rejects as `askModel` does. */
export async function streamTranscript(
  { path, body, key, signal }: Omit<WholeQuestion<unknown>, 'read'>,
  show: (answer: WholeAnswer<{ text: string }>) => void,
): Promise<void> {
  const startedAt = performance.now();
  const response = await fetchFromRelay(path, orderRequest(body, key, signal));
  if (!response.ok) throw await problemOf(response);
  const node = response.headers.get('x-sparewatt-node');
  let text = '';
  // There is no receipt before the end.
  const tell = (receipt: string | null): void =>
    show({ body: { text }, totalMs: performance.now() - startedAt, node, receipt });
  const take = ({ delta = '', text: whole }: TranscriptEvent): void => {
    text = whole ?? text + delta;
  };
  await readEvents(response, take, () => tell(null));
  tell(response.headers.get('x-sparewatt-receipt'));
}
