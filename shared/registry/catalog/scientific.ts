import { type TProperties, Type } from 'typebox';
import {
  FOURIER,
  K_MEANS,
  LINEAR_SYSTEM,
  MATRIX_PRODUCT,
  MONTE_CARLO,
  N_BODY,
  VALUE_FORMS,
} from '../../runtimes/kernels/kernel-inputs.ts';
import { KERNEL_MODELS } from '../../runtimes/kernels/served-kernels.ts';
import { defineServices, MODEL, MODELS, Optional, SAMPLING, Text, Whole } from './define.ts';

const KERNELS_NOTE = `A node with the kernels of this version: with WebGPU as ${KERNEL_MODELS.webgpu}, else on its processor as ${KERNEL_MODELS.cpu}. Name one as model to insist on it.`;

/** A node with a GPU is asked first; one without computes the same on its processor, and says so in the receipt. */
const kernel = <Input extends TProperties, Output extends TProperties>(schemas: { input: Input; output: Output }) => ({
  input: { ...MODEL, ...schemas.input },
  output: schemas.output,
  ...('values' in schemas.input ? { oneOf: VALUE_FORMS } : {}),
  runtime: { type: 'compute' },
  requirements: { note: KERNELS_NOTE },
  default_model: KERNEL_MODELS.webgpu,
  price_unit: 'gpu_second' as const,
});

export const SCIENTIFIC = defineServices('scientific', [
  {
    id: 'science/simplify-abstract',
    title: 'Abstract in plain words',
    description: 'Says what the abstract of a paper says so that others understand it.',
    input: {
      ...SAMPLING,
      abstract: Text('The abstract', 20_000),
      reader: Optional(Type.String({ minLength: 1, maxLength: 64, default: 'a curious adult' })),
    },
    runtime: {
      type: 'llm',
      prompt: {
        system: 'You explain science accurately. You never claim more than the text does.',
        user: 'Explain this abstract to {reader}.\n\n{abstract}',
      },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [{ input: { abstract: 'We measure the mass of the muon to 22 ppb.', reader: 'a pupil of 12' } }],
  },
  {
    id: 'science/extract-measurements',
    title: 'Measurements in a text',
    description: 'Lists the quantities that a text reports, with value and unit.',
    input: { ...SAMPLING, text: Text('The text', 50_000) },
    output: {
      measurements: Type.Array(Type.Object({ quantity: Type.String(), value: Type.Number(), unit: Type.String() }), {
        maxItems: 50,
      }),
    },
    runtime: {
      type: 'llm',
      answer: 'json',
      prompt: { user: 'List every measured quantity in this text with its value and its unit.\n\n{text}' },
    },
    default_model: MODELS.chat,
    price_unit: 'token',
    examples: [
      {
        input: { text: 'The sample weighed 2.5 g.' },
        output: { measurements: [{ quantity: 'mass of the sample', value: 2.5, unit: 'g' }] },
      },
    ],
  },
  {
    id: 'science/molecular-dynamics',
    title: 'Molecular dynamics',
    description: 'Moves the atoms of a structure by the forces between them.',
    input: {
      structure: Text('The structure as PDB', 10_000_000),
      force_field: Type.Enum(['amber14', 'charmm36']),
      steps: Whole(1, 100_000_000, 'Steps of two femtoseconds'),
      temperature_k: Optional(Type.Number({ exclusiveMinimum: 0, maximum: 2_000, default: 300 })),
    },
    output: { trajectory: Type.String({ contentEncoding: 'base64' }), potential_energy_kj_mol: Type.Number() },
    runtime: { type: 'openmm' },
    requirements: { gpu_memory_bytes: 4 * 2 ** 30, note: 'OpenMM with its force fields.' },
    price_unit: 'gpu_second',
    examples: [{ input: { structure: 'ATOM      1  N   ALA A   1', force_field: 'amber14', steps: 50_000 } }],
  },
  {
    id: 'science/protein-structure',
    title: 'Structure of a protein',
    description: 'Predicts how the chain of a protein folds.',
    input: {
      sequence: Type.String({
        pattern: '^[ACDEFGHIKLMNPQRSTVWY]{4,2000}$',
        description: 'Amino acids in one-letter code',
      }),
    },
    output: { structure: Type.String({ description: 'PDB' }), confidence: Type.Number({ minimum: 0, maximum: 100 }) },
    runtime: { type: 'protein-folding' },
    requirements: { gpu_memory_bytes: 16 * 2 ** 30 },
    price_unit: 'gpu_second',
    examples: [{ input: { sequence: 'MKTAYIAKQRQISFVKSHFSRQ' } }],
  },
  {
    id: 'science/fluid-simulation',
    title: 'Flow of a fluid',
    description: 'Computes how a fluid flows around and through a shape.',
    input: {
      mesh: Text('The shape as STL in base64', 50_000_000),
      velocity_m_s: Type.Array(Type.Number(), { minItems: 3, maxItems: 3 }),
      viscosity_pa_s: Optional(Type.Number({ exclusiveMinimum: 0, default: 0.000_018 })),
      iterations: Optional(Type.Integer({ minimum: 1, maximum: 100_000, default: 500 })),
    },
    output: { field: Type.String({ contentEncoding: 'base64' }), drag_n: Type.Number() },
    runtime: { type: 'openfoam' },
    requirements: { memory_bytes: 16 * 2 ** 30, note: 'OpenFOAM.' },
    price_unit: 'cpu_second',
    examples: [{ input: { mesh: 'c29saWQgY3ViZQ==', velocity_m_s: [12, 0, 0] } }],
  },
  {
    id: 'science/matrix-product',
    title: 'Product of two matrices',
    description: 'Multiplies two matrices in float32.',
    ...kernel(MATRIX_PRODUCT),
    examples: [
      {
        input: { rows: 1, inner: 2, columns: 1, values: [1, 2, 3, 4] },
        output: { rows: 1, columns: 1, values: [11] },
      },
    ],
  },
  {
    id: 'science/n-body',
    title: 'Bodies under their gravitation',
    description: 'Moves bodies by the pull of all on each other, in leapfrog steps.',
    ...kernel(N_BODY),
    examples: [
      {
        title: 'One body around another',
        input: { steps: 628, time_step: 0.01, softening: 0.001, values: [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] },
      },
    ],
  },
  {
    id: 'science/fourier-transform',
    title: 'Fourier transforms',
    description: 'Discrete Fourier transforms of complex numbers, many of one length at once.',
    ...kernel(FOURIER),
    examples: [{ input: { length: 2, values: [1, 0, 2, 0] }, output: { transforms: 1, values: [3, 0, -1, 0] } }],
  },
  {
    id: 'science/monte-carlo',
    title: 'Random walks by Monte Carlo',
    description: 'What a geometric random walk is worth on average, from many paths with numbers of a seed.',
    ...kernel(MONTE_CARLO),
    examples: [
      { input: { start: 100, strike: 105, rate: 0.02, volatility: 0.2, years: 1, paths: 1_000_000, seed: 7 } },
      { input: { payoff: 'asian-call', start: 1, strike: 1, volatility: 0.3, years: 2, steps: 24, paths: 65_536 } },
    ],
  },
  {
    id: 'science/k-means',
    title: 'Clusters of points',
    description: 'Finds clusters of points around their means.',
    ...kernel(K_MEANS),
    examples: [
      {
        input: { dimensions: 1, clusters: 2, values: [1, 1.5, 8, 8.5] },
      },
    ],
  },
  {
    id: 'science/solve-linear-system',
    title: 'System of linear equations',
    description: 'Solves A x = b for a square matrix, in float64.',
    input: LINEAR_SYSTEM.input,
    output: LINEAR_SYSTEM.output,
    runtime: { type: 'compute' },
    requirements: { note: 'A node with the kernels of this version; its processor does the work.' },
    price_unit: 'cpu_second',
    examples: [
      {
        input: {
          a: [
            [2, 0],
            [0, 4],
          ],
          b: [2, 2],
        },
        output: { x: [1, 0.5], residual: 0 },
      },
    ],
  },
]);
