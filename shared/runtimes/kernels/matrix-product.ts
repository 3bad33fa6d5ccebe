import type { JsonInput } from '../../protocol/messages.ts';
import { type Kernel, paramsOf } from './kernel.ts';
import { MOST_VALUES } from './kernel-inputs.ts';
import { assertLength, assertSteps, inFormOf, invalid, valuesOf } from './read-kernel-input.ts';

const TILE = 16;
/** Each workgroup makes a tile of the product out of tiles of both matrices that it holds in shared memory. */
const CODE = /* wgsl */ `
struct Params { first: u32, rows: u32, inner: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> product: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
var<workgroup> tile_a: array<array<f32, ${TILE}>, ${TILE}>;
var<workgroup> tile_b: array<array<f32, ${TILE}>, ${TILE}>;

@compute @workgroup_size(${TILE}, ${TILE})
fn multiply(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) at: vec3u) {
  let row = (p.first + group.y) * ${TILE}u + at.y;
  let column = group.x * ${TILE}u + at.x;
  var sum = 0.0;
  for (var start = 0u; start < p.inner; start += ${TILE}u) {
    let k = start + at.x;
    let l = start + at.y;
    tile_a[at.y][at.x] = select(0.0, a[row * p.inner + k], row < p.rows && k < p.inner);
    tile_b[at.y][at.x] = select(0.0, b[l * p.columns + column], column < p.columns && l < p.inner);
    workgroupBarrier();
    for (var i = 0u; i < ${TILE}u; i++) { sum += tile_a[at.y][i] * tile_b[i][at.x]; }
    workgroupBarrier();
  }
  if (row < p.rows && column < p.columns) { product[row * p.columns + column] = sum; }
}`;

type Sizes = { rows: number; inner: number; columns: number };

/** The product of two matrices. */
export const matrixProduct: Kernel = {
  async onGpu(input, gpu) {
    const { rows, inner, columns, a, b } = read(input);
    const product = await gpu.buffer(rows * columns * 4);
    const buffers = [await gpu.buffer(a), await gpu.buffer(b), product];
    const params = (start: number): ArrayBuffer => paramsOf([start, rows, inner, columns]);
    const [total, across] = [Math.ceil(rows / TILE), Math.ceil(columns / TILE)];
    await gpu.run(
      { code: CODE, entry: 'multiply', buffers },
      { total, across, stepsEach: TILE * TILE * inner, params },
    );
    const made = new Float32Array(await gpu.read(product, rows * columns * 4));
    return { rows, columns, ...inFormOf(input, made) };
  },
  async onCpu(input, turns) {
    const { rows, inner, columns, a, b } = read(input);
    const product = new Float32Array(rows * columns);
    const sums = new Float64Array(columns);
    for (let row = 0; row < rows; row += 1) {
      sums.fill(0);
      for (let k = 0; k < inner; k += 1) {
        if (k % 64 === 0) await turns.next();
        const factor = a[row * inner + k] ?? 0;
        const from = k * columns;
        for (let column = 0; column < columns; column += 1) {
          sums[column] = (sums[column] ?? 0) + factor * (b[from + column] ?? 0);
        }
      }
      product.set(sums, row * columns);
    }
    return { rows, columns, ...inFormOf(input, product) };
  },
};

function read(input: JsonInput): Sizes & { a: Float32Array; b: Float32Array } {
  const { rows, inner, columns } = input as Sizes;
  if (rows * columns > MOST_VALUES) throw invalid(`The product may have ${MOST_VALUES} numbers.`, 'rows');
  assertSteps(rows * inner * columns);
  const values = valuesOf(input);
  assertLength(values, rows * inner + inner * columns, 'The two matrices');
  return { rows, inner, columns, a: values.slice(0, rows * inner), b: values.slice(rows * inner) };
}
