import { type Static, Type } from 'typebox';
import { Maybe } from './nullable.ts';
import { RoutingRequest } from './routing.ts';

/** As many as one message carries. */
const MOST_PICTURES = 10;

/** Body of `POST /v1/images/generations`. */
export const ImageRequest = Type.Object(
  {
    prompt: Type.String({ minLength: 1, maxLength: 4_000, description: 'What to paint' }),
    model: Maybe(Type.String({ minLength: 1, maxLength: 256, description: 'Any that paints when absent' })),
    n: Maybe(Type.Integer({ minimum: 1, maximum: MOST_PICTURES })),
    size: Maybe(Type.String({ description: 'auto, or the size in which the model paints, such as 384x384' })),
    seed: Maybe(Type.Integer({ minimum: 0, description: 'The same makes the same pictures again' })),
    response_format: Maybe(Type.String({ description: 'b64_json, also when absent' })),
    output_format: Maybe(Type.String({ description: 'png, also when absent' })),
    background: Maybe(Type.String({ description: 'auto or opaque' })),
    stream: Maybe(Type.Boolean({ description: 'false: a picture comes whole' })),
    routing: Maybe(RoutingRequest),
  },
  {
    additionalProperties: true,
    examples: [{ model: 'onnx-community/Janus-Pro-1B-ONNX', prompt: 'a lighthouse at dusk', n: 1, seed: 7 }],
  },
);
export type ImageRequest = Static<typeof ImageRequest>;

const Count = Type.Integer({ minimum: 0 });

export const ImageResponse = Type.Object({
  created: Type.Integer({ description: 'Unix seconds' }),
  data: Type.Array(Type.Object({ b64_json: Type.String({ description: 'A png in base64' }) })),
  output_format: Type.Literal('png'),
  size: Type.Optional(Type.String({ description: 'Width and height in pixels, as 384x384' })),
  /** Of the pictures: a model paints token by token. */
  usage: Type.Object({
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    input_tokens_details: Type.Object({ text_tokens: Count, image_tokens: Count }),
  }),
});
export type ImageResponse = Static<typeof ImageResponse>;
