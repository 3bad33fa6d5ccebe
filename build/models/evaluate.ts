/**
 * Measures a demo model and prints the figures as JSON.
 *
 *     node build/models/evaluate.ts chat HELD_OUT.json [EXAMPLES.json]
 *     node build/models/evaluate.ts embed HELD_OUT.json
 *
 * The model cards carry this output. Given a second file, `chat` also writes the examples that tests use.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { env } from '@huggingface/transformers';
import { evaluateChat, parseChatItems } from './evaluate-chat.ts';
import { evaluateEmbed, parseEmbedItems } from './evaluate-embed.ts';

env.localModelPath = fileURLToPath(new URL('../../shared/models/', import.meta.url));
env.allowRemoteModels = false;

const [kind, heldOutPath, examplesPath] = process.argv.slice(2);
if (heldOutPath === undefined || (kind !== 'chat' && kind !== 'embed')) {
  throw new Error('Usage: evaluate.ts chat|embed HELD_OUT.json [EXAMPLES.json]');
}
const content: unknown = JSON.parse(readFileSync(heldOutPath, 'utf8'));
const figures =
  kind === 'chat'
    ? await evaluateChat(parseChatItems(content), examplesPath)
    : await evaluateEmbed(parseEmbedItems(content));
process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
