import type OpenAI from 'openai';

export type StreamEvent = OpenAI.ChatCompletionChunk & { error?: { message: string; code: string; type: string } };

/**
 * The events of a whole stream without its comments, which tell that a silent one is there, and what stands after the last one.
 * Throws when an event is not one line of data.
 */
export function readEvents(body: string): { events: StreamEvent[]; isDone: boolean; rest: string } {
  const blocks = body.split('\n\n');
  const rest = blocks.pop() ?? '';
  const said = blocks.filter((block) => !/^: [^\n]*$/.test(block));
  const lines = said.map((block) => {
    const data = /^data: ([^\n]*)$/.exec(block)?.[1];
    if (data === undefined) throw new Error(`not one line of data: ${block}`);
    return data;
  });
  const isDone = lines.at(-1) === '[DONE]';
  if (isDone) lines.pop();
  return { events: lines.map((line) => JSON.parse(line) as StreamEvent), isDone, rest };
}

export function textOf(events: readonly StreamEvent[]): string {
  return events.map(({ choices }) => choices?.[0]?.delta.content ?? '').join('');
}
