/** The process of a model that computes nothing: it tells what it has measured of its threads, and is done with each job. */
import type { FromWorker, ToWorker } from '../../../shared/runtimes/worker-protocol.ts';

const post = (word: FromWorker): void => void process.send?.(word);
process.on('message', (message) => {
  const heard = message as ToWorker;
  if (heard.type === 'load') post({ type: 'loaded' });
  if (heard.type !== 'run') return;
  post({ type: 'threads', chosen: { threads: 2, tokensPerS: 41.3 }, other: { threads: 1, tokensPerS: 33.1 } });
  post({ type: 'done', id: heard.id, finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } });
});
process.on('disconnect', () => process.exit(0));
