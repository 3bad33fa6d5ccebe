import { appendFileSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SHIPPED = fileURLToPath(new URL('../../../shared/models/sparewatt/demo-chat', import.meta.url));
/** The field `doc_string` of an ONNX file, which may be said again at its end. */
const DOC_STRING = 0x32;

export const Q8 = 'onnx/model_quantized.onnx';
export const FP32 = 'onnx/model.onnx';

/**
 * Writes the demo model below `root` under another id, as a hub has it: each id has weights of its own, which answer alike.
 * `dtypes` are those that it comes in.
 */
export function writeLittleModel(root: string, id: string, dtypes: readonly ('fp32' | 'q8')[] = ['fp32', 'q8']): void {
  const folder = join(root, id);
  mkdirSync(folder, { recursive: true });
  cpSync(SHIPPED, folder, { recursive: true });
  rmSync(join(folder, 'digests.json'));
  for (const [dtype, name] of [['fp32', FP32] as const, ['q8', Q8] as const]) {
    if (!dtypes.includes(dtype)) rmSync(join(folder, name));
    else appendFileSync(join(folder, name), Buffer.from([DOC_STRING, id.length, ...Buffer.from(id)]));
  }
}
