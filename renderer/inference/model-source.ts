import { Problem } from '../../shared/problems/problem.ts';
import { isJsonObject, type JsonObject } from '../../shared/runtimes/transformers/model-files.ts';
import { unreachableProblem } from './fetch-file.ts';
import { assertDigest, type ModelDigests, parseDigests } from './model-digests.ts';

/** Its schema, beside which the name stands otherwise, would load a library into every worker of a model. */
const LIST = 'digests.json';

/** Where a page gets models; addresses end with a slash. */
export type ModelUrls = {
  /** Of the folder of the models that ship with the relay. */
  modelsUrl: string;
  /** Of the models that the relay mirrors. A page reaches no other host. */
  mirrorUrl?: string;
};

/** A model as its source lists it: all files that there are, and the address that their names are put behind. */
export type ListedModel = ModelDigests & { id: string; location: string };

/** Errors: `model_not_found`, `model_download_failed`, `browser_offline`, `model_files_corrupt`. */
export async function listModel(id: string, urls: ModelUrls, signal?: AbortSignal): Promise<ListedModel> {
  const path = id.split('/').map(encodeURIComponent).join('/');
  const shippedUrl = new URL(`${path}/`, urls.modelsUrl).href;
  const shipped = await readText(shippedUrl + LIST, signal);
  if (shipped !== null) return { id, location: shippedUrl, ...parseDigests(shipped, id) };
  const mirrored = urls.mirrorUrl === undefined ? null : await readText(`${urls.mirrorUrl}${path}/lock/main`, signal);
  if (mirrored === null || urls.mirrorUrl === undefined) {
    throw new Problem(
      'model_not_found',
      `The relay offers no model '${id}' to browsers. Its operator can mirror one: sparewatt models mirror ${id}`,
      { param: 'model' },
    );
  }
  const digests = parseDigests(mirrored, id);
  const location = `${urls.mirrorUrl}${path}/resolve/${encodeURIComponent(digests.revision)}/`;
  return { id, location, ...digests };
}

/** One of a model's small files, which is not kept. Errors: those of `listModel`. */
export async function readListedJson(listed: ListedModel, name: string, signal?: AbortSignal): Promise<JsonObject> {
  const digest = listed.files[name];
  const text = digest === undefined ? null : await readText(listed.location + name, signal);
  if (digest === undefined || text === null) {
    throw new Problem('model_files_missing', `The relay has no '${name}' of '${listed.id}'. Tell its operator.`);
  }
  await assertDigest(new TextEncoder().encode(text), digest, name);
  const value: unknown = JSON.parse(text);
  return isJsonObject(value) ? value : {};
}

/** Null where there is no such file. */
async function readText(url: string, signal: AbortSignal | undefined): Promise<string | null> {
  const response = await fetch(url, { cache: 'no-cache', ...(signal === undefined ? {} : { signal }) }).catch(
    (cause: unknown) => {
      signal?.throwIfAborted();
      throw unreachableProblem({ url }, cause);
    },
  );
  if (response.status === 404) return null;
  if (response.ok) return await response.text();
  throw new Problem('model_download_failed', `The relay answered with ${response.status} instead of a model's file.`);
}
