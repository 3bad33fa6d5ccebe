import { counted } from '../problems/counted.ts';
import type { Hardware } from './capabilities.ts';

const GIBIBYTE = 2 ** 30;

/** The machine of a node in words, a line for each part: its graphics cards, else what its page computes with; processor; memory. */
export function machineTexts({ gpus, webgpu, cpu, cpu_threads: threads, memory_bytes: memory }: Hardware): string[] {
  const cards = (gpus ?? []).map(({ name, vram_bytes: vram }) =>
    vram === null ? name : `${name}, ${sizeText(vram)} of its own`,
  );
  const page = webgpu == null || cards.length > 0 ? [] : [`${webgpu.adapter} (WebGPU)`];
  // A machine that nothing could look at is not one without a card.
  const none = cards.length + page.length > 0 ? [] : [gpus == null ? 'graphics card not known' : 'no graphics card'];
  const processor = [
    ...(cpu === '' || cpu === 'unknown' ? [] : [cpu]),
    ...(threads === 0 ? [] : [counted(threads, 'thread')]),
  ].join(', ');
  const rest = [processor, memory === 0 ? '' : `${sizeText(memory)} of memory`].filter((part) => part !== '');
  return [...cards, ...page, ...none, ...rest];
}

/** Graphics cards and memory are sold by powers of two. */
function sizeText(bytes: number): string {
  const size = bytes / GIBIBYTE;
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} GiB`;
}
