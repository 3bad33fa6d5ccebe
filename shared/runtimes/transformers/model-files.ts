/**
 * The files of one model as a host offers them: a path where the inference library can open the file itself (Node),
 * bytes where it cannot (browser), `null` when the model has no such file. Names are relative and use `/`.
 */
export type ModelFiles = {
  open(name: string): Promise<ModelFile | null>;
};

export type ModelFile = { path: string } | { bytes: Uint8Array };

/** A parsed JSON object whose shape is not known. */
export type JsonObject = { readonly [key: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
