import { Type } from 'typebox';
import { defineServices, MODELS, Optional, SAMPLING, Text, Whole } from './define.ts';

const Numbers = (maxItems: number) => Type.Array(Type.Number(), { minItems: 1, maxItems });

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
    id: 'science/solve-linear-system',
    title: 'System of linear equations',
    description: 'Solves A x = b for a square matrix.',
    input: { a: Type.Array(Numbers(4_096), { minItems: 1, maxItems: 4_096 }), b: Numbers(4_096) },
    output: { x: Type.Array(Type.Number()), residual: Type.Number({ minimum: 0 }) },
    runtime: { type: 'numeric' },
    requirements: { memory_bytes: 2 * 2 ** 30, note: 'BLAS and LAPACK.' },
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
