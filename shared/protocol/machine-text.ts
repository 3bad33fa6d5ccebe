import { counted } from '../problems/counted.ts';
import type { Gpu, Hardware } from './capabilities.ts';

const GIBIBYTE = 2 ** 30;

/** The machine of a node in words, a line for each part: its graphics cards, else what its page computes with; processor; memory. */
export function machineTexts({ gpus, webgpu, cpu, cpu_threads: threads, memory_bytes: memory }: Hardware): string[] {
  const cards = (gpus ?? []).map(gpuText);
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

/** A graphics card in words; of one that its owner told of, with what its node had found. */
export function gpuText({ found, ...gpu }: Gpu): string {
  const text = cardText(gpu);
  if (found === undefined) return text;
  const ways = gpu.backends === undefined ? '' : ` for ${gpu.backends.join(', ')}`;
  return `${text}${ways} (told by its owner; found: ${found === null ? 'nothing' : cardText(found)})`;
}

function cardText({ name, vram_bytes: vram }: Pick<Gpu, 'name' | 'vram_bytes'>): string {
  return vram === null ? name : `${name}, ${sizeText(vram)} of its own`;
}

/** Graphics cards and memory are sold by powers of two. */
function sizeText(bytes: number): string {
  const size = bytes / GIBIBYTE;
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} GiB`;
}
