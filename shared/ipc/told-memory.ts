import { Type } from 'typebox';

const GIBIBYTE = 2 ** 30;
/** As in `node.gpus`: from a thousandth of a GiB to more than any machine has. */
export const LEAST_TOLD_BYTES = Math.ceil(GIBIBYTE / 1_000);
export const MOST_TOLD_BYTES = 65_536 * GIBIBYTE;

export const GpuId = Type.String({ minLength: 1, maxLength: 128 });
/** What an owner says of the memory of a GPU. */
export const ToldBytes = Type.Integer({ minimum: LEAST_TOLD_BYTES, maximum: MOST_TOLD_BYTES });
