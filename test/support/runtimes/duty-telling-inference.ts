/** A process in the place of a model, whose answer is the part of the time that it may compute, as it was told. */
import process from 'node:process';
import type { FromWorker, ToWorker } from '../../../shared/runtimes/worker-protocol.ts';

let percent = 100;
const post = (word: FromWorker): void => void process.send?.(word);

process.on('message', (message) => {
  const heard = message as ToWorker;
  if (heard.type === 'load') post({ type: 'loaded' });
  else if (heard.type === 'duty') percent = heard.percent;
  else if (heard.type === 'unload') process.exit(0);
  else if (heard.type === 'run') {
    post({ type: 'text', id: heard.id, text: String(percent), tokens: 1, more: undefined });
    post({ type: 'done', id: heard.id, finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } });
  }
});
process.on('disconnect', () => process.exit(0));
