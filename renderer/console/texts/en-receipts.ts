import { counted } from './counted.ts';

/** What the page of receipts says. */
export const EN_RECEIPTS = {
  receipts: {
    find: 'Receipt or job',
    findIt: 'Find',
    noneOfJob: 'This job has no receipt: it did not succeed.',
    receipt: 'Receipt',
    save: 'Save with its proof',
    id: 'Receipt',
    job: 'Job',
    node: 'Node',
    model: 'Model',
    tokens: 'Tokens',
    tokensOf: (input: string, output: string) => `${input} read, ${output} written`,
    times: 'Times',
    timesOf: (queue: string, first: string, total: string) => `waited ${queue}, first token ${first}, in all ${total}`,
    issued: 'Issued',
    requestHash: 'Hash of the request',
    responseHash: 'Hash of the answer',
    latest: 'The latest receipts',
    none: 'No receipt was issued lately.',
    noneHint: 'Every job that succeeds leaves one.',
    heads: ['Receipt of', 'Model', 'Key', 'Tokens written', 'Finished'],
    log: 'The log',
    intro:
      'Every receipt goes into a log that can only grow. Keep its signed head: a log that no longer fits it was changed.',
    size: 'Receipts',
    root: 'Root',
    signedAt: 'Signed',
    relayKey: 'By the relay',
    audit: 'Check the whole log',
    saveHead: 'Save this head',
    sound: (size: string) =>
      `${size === '1' ? 'The only receipt' : `All ${counted(size, 'receipt')}`} and the log are sound.`,
  },
};
