/** What the kernels are asked: the schemas of their services, and what a node holds every job to again. */
import { type TProperties, Type } from 'typebox';

/** Numbers in one job: 5 MiB as float32, which as base64 fits a message of the bus beside everything else. */
export const MOST_VALUES = 5 * 2 ** 18;
/** As JSON every number is some ten characters and an object of its own for a moment. */
const MOST_JSON_VALUES = 65_536;
/**
 * Innermost steps of one job, such as one product that is added: about a minute of a GPU of today. A processor needs
 * hours for as many, and is ended by the time limit of the job.
 */
export const MOST_STEPS = 2 ** 42;

const Whole = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description });
const Maybe = <Schema extends Parameters<typeof Type.Optional>[0]>(schema: Schema) => Type.Optional(schema);

/** The numbers of a job, in one of three forms. */
const valuesOf = (description: string) => ({
  values: Maybe(Type.Array(Type.Number(), { minItems: 1, maxItems: MOST_JSON_VALUES, description })),
  data: Maybe(
    Type.String({
      minLength: 4,
      maxLength: Math.ceil(MOST_VALUES / 3) * 16,
      contentEncoding: 'base64',
      description: `${description}; float32, little-endian, in base64`,
    }),
  ),
  file_id: Maybe(
    Type.String({ minLength: 1, maxLength: 64, description: `${description}; float32, little-endian, as a file` }),
  ),
});
/** The names of the three; one of them must be there. */
export const VALUE_FORMS = ['values', 'data', 'file_id'] as const;

/** What comes out in the form in which it went in. */
const ResultValues = {
  values: Maybe(Type.Array(Type.Number())),
  data: Maybe(Type.String({ contentEncoding: 'base64', description: 'Float32, little-endian, in base64' })),
};

const Positive = (description: string) => Type.Number({ exclusiveMinimum: 0, maximum: 1e12, description });

export const MATRIX_PRODUCT = {
  input: {
    rows: Whole(1, 65_536, 'Rows of the first matrix'),
    inner: Whole(1, 65_536, 'Columns of the first matrix and rows of the second'),
    columns: Whole(1, 65_536, 'Columns of the second matrix'),
    ...valuesOf('The first matrix and then the second, each row by row'),
  },
  output: { rows: Type.Integer(), columns: Type.Integer(), ...ResultValues },
};

export const N_BODY = {
  input: {
    steps: Whole(1, 1_000_000, 'How many steps of time'),
    time_step: Positive('Length of a step'),
    gravity: Maybe(Type.Number({ minimum: 0, maximum: 1e12, default: 1, description: 'The constant of gravitation' })),
    softening: Maybe(
      Type.Number({
        minimum: 1e-6,
        maximum: 1e12,
        default: 0.01,
        description: 'Distance below which forces are damped',
      }),
    ),
    ...valuesOf('Of each body x, y, z, mass and the velocity along x, y, z'),
  },
  output: { time: Type.Number({ description: 'That has passed' }), ...ResultValues },
};

export const FOURIER = {
  input: {
    length: Type.Enum(
      Array.from({ length: 18 }, (_, index) => 2 ** (index + 1)),
      { description: 'Complex numbers in one transform; a power of two' },
    ),
    inverse: Maybe(Type.Boolean({ default: false, description: 'Back, divided by the length' })),
    ...valuesOf('Complex numbers, each as real and imaginary part; any number of transforms one after the other'),
  },
  output: { transforms: Type.Integer(), ...ResultValues },
};

export const MONTE_CARLO = {
  input: {
    payoff: Maybe(
      Type.Enum(['call', 'put', 'asian-call'], {
        default: 'call',
        description: 'What a path is worth: its end above or below the strike, or its mean above it',
      }),
    ),
    start: Positive('Where every path begins'),
    strike: Positive('What the end, or the mean, is compared with'),
    rate: Maybe(
      Type.Number({ minimum: -1, maximum: 1, default: 0, description: 'Growth per year, also for discounting' }),
    ),
    volatility: Type.Number({
      minimum: 0,
      maximum: 5,
      description: 'Standard deviation of a year’s logarithmic growth',
    }),
    years: Type.Number({ exclusiveMinimum: 0, maximum: 100, description: 'Length of a path' }),
    steps: Maybe(Type.Integer({ minimum: 1, maximum: 4_096, default: 1, description: 'Steps of a path' })),
    paths: Whole(2, 2 ** 30, 'How many paths'),
    seed: Maybe(Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1, default: 0 })),
  },
  output: {
    mean: Type.Number({ description: 'Discounted' }),
    standard_error: Type.Number({ minimum: 0 }),
    paths: Type.Integer(),
  },
};

export const K_MEANS = {
  input: {
    dimensions: Whole(1, 256, 'Numbers of a point'),
    clusters: Whole(1, 256, 'How many clusters'),
    iterations: Maybe(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
    seed: Maybe(
      Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1, default: 0, description: 'Chooses the first centres' }),
    ),
    ...valuesOf('The points, one after the other'),
  },
  output: {
    centres: Type.Array(Type.Array(Type.Number())),
    sizes: Type.Array(Type.Integer({ minimum: 0 }), { description: 'Points of each cluster' }),
    inertia: Type.Number({ minimum: 0, description: 'Sum of squared distances to the nearest centre' }),
    iterations: Type.Integer(),
    converged: Type.Boolean(),
    assignments: Type.String({ contentEncoding: 'base64', description: 'Cluster of each point, a byte each' }),
  },
};

export const LINEAR_SYSTEM = {
  input: {
    a: Type.Array(Type.Array(Type.Number(), { minItems: 1, maxItems: 512 }), { minItems: 1, maxItems: 512 }),
    b: Type.Array(Type.Number(), { minItems: 1, maxItems: 512 }),
  },
  output: { x: Type.Array(Type.Number()), residual: Type.Number({ minimum: 0 }) },
};

/** The services of the type `compute`, by id. */
export const KERNEL_SERVICES = {
  'science/matrix-product': MATRIX_PRODUCT,
  'science/n-body': N_BODY,
  'science/fourier-transform': FOURIER,
  'science/monte-carlo': MONTE_CARLO,
  'science/k-means': K_MEANS,
  'science/solve-linear-system': LINEAR_SYSTEM,
} as const satisfies Record<string, { input: TProperties; output: TProperties }>;
export type KernelService = keyof typeof KERNEL_SERVICES;
