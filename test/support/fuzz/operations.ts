/** A JSON schema as far as requests are made from it. */
export type Schema = {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
};

export type Media = { schema?: Schema; example?: unknown; examples?: Record<string, { value: unknown }> };
export type Parameter = { in: string; name: string; schema: Schema };

/** One method of one address, as `/openapi.json` tells it. */
export type Operation = {
  /** Such as `/v1/jobs/{id}`. */
  path: string;
  method: string;
  parameters: Parameter[];
  bodies: Record<string, Media>;
  responses: Record<string, { content?: Record<string, Media> }>;
};

type Told = { parameters?: Parameter[]; requestBody?: { content: Operation['bodies'] } } & Pick<Operation, 'responses'>;
export type ApiDocument = { paths: Record<string, Record<string, Told>> };

/** Served, though no document tells of them. */
const UNTOLD = ['/models/x/y.onnx', '/assets/none.js', '/v1/mirror/x', '/', '/favicon.ico', '/nats', '/nowhere'];

export function operationsOf({ paths }: ApiDocument): Operation[] {
  const told = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody, responses }]) => ({
      path,
      method: method.toUpperCase(),
      parameters,
      bodies: requestBody?.content ?? {},
      responses,
    })),
  );
  const untold = UNTOLD.map((path) => ({ path, method: 'GET', parameters: [], bodies: {}, responses: {} }));
  return [...told, ...untold];
}

/** What the document says that a body may look like. */
export function examplesOf({ example, examples }: Media): unknown[] {
  const several = Object.values(examples ?? {}).map(({ value }) => value);
  return example === undefined ? several : [example, ...several];
}
