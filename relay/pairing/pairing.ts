import { timingSafeEqual } from 'node:crypto';
import { nodeIdOf } from '../../shared/identity/node-id.ts';
import { codeSecretsOf, readPairingCode } from '../../shared/identity/pairing-code.ts';
import {
  isCodeProof,
  type PairingAnswer,
  type PairingTranscript,
  proveCode,
  relayStatement,
} from '../../shared/identity/pairing-transcript.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { bytesToBase64Url } from '../../shared/protocol/base64.ts';
import type { EnrollRequest, EnrollResponse } from '../../shared/protocol/enrollment.ts';
import { type NodeRecords, recordsStatement } from '../../shared/protocol/node-records.ts';
import type {
  ChallengeRequest,
  ChallengeResponse,
  CompletePairing,
  PairingResponse,
} from '../../shared/protocol/pairing.ts';
import type { NodeCredentials } from '../fabric/bus/credentials.ts';
import type { NKey } from '../fabric/bus/nkey.ts';
import type { RelayLog } from '../log.ts';
import type { KnownNode, PairingCodeRecord, PairingStore } from '../store/pairing-store.ts';
import type { CertificateAuthority } from '../tls/certificate-authority.ts';
import { type AdmissionRules, type Applicant, decideAdmission, pairingRequired } from './admission.ts';
import { createAttemptLimit } from './attempt-limit.ts';
import { createChallenges } from './challenges.ts';
import { createNodeProofs, type Signed } from './node-proof.ts';
import type { NodeRegister } from './node-register.ts';
import { createPairingCodes, type PairingCodes } from './pairing-codes.ts';

export type PairingOptions = {
  store: PairingStore;
  register: NodeRegister;
  identity: NKey;
  rules: AdmissionRules;
  /** Where nodes reach this relay; with it a conversation under any other address is refused. */
  publicUrl?: string | undefined;
  busPath: string;
  /** Where the relay speaks TLS by an authority of its own. */
  authority?: CertificateAuthority | undefined;
  /** Whether nodes without a certificate may come in all the same. */
  browserNodes?: boolean | undefined;
  mintNodeCredentials(node: { nodeId: string; publicKey: string }): NodeCredentials;
  now: () => number;
  randomBytes: (size: number) => Uint8Array;
  log: RelayLog;
};

/** Who asks, as far as the connection tells. */
export type Caller = {
  address: string;
  trust: 'local' | 'admin' | undefined;
  /** A line to the bus past the relay's process, for those who can use it. */
  busUrl?: string | undefined;
};

/** A machine that has nothing but HTTP: it shows the code itself, and need not have a key. */
export type MinerApplication = {
  name: string;
  publicKey: string;
  /** For a key that it has itself. */
  proof?: CompletePairing['proof'] | undefined;
  code?: string | undefined;
};

export type Pairing = PairingCodes & {
  /** By which nodes know this relay, `N…`. */
  readonly relayKey: string;
  challenge(request: ChallengeRequest): ChallengeResponse;
  /** Admits a node for a code. Errors: SPEC P4 to P8. */
  complete(request: CompletePairing, caller: Caller): Promise<PairingResponse>;
  /** Credentials for a node that is known, or trusted for where it comes from. Errors: SPEC P4 to P10. */
  enroll(request: EnrollRequest, caller: Caller): Promise<EnrollResponse>;
  /**
   * A node that asks for its own records, and how the answer is signed for it (SPEC V11). Errors:
   * `pairing_required` for a node that is not known, `node_revoked`, those of P3 and P4.
   */
  recognise(signed: Signed): Promise<{ nodeId: string; sign(records: NodeRecords): string }>;
  /** Admits a node that comes over HTTP, which gets no credentials for the bus. Errors: SPEC P4 to P8. */
  admitMiner(application: MinerApplication, caller: Caller): Promise<KnownNode>;
};

/** Slips of the pen are forgiven; a code of 59 bits outlives any number of tries at this rate. */
const WRONG_CODES = { perAddress: { capacity: 10, refillMs: 6_000 }, overall: { capacity: 100, refillMs: 1_000 } };
/** A class room that joins an open relay at once gets in; a script that fills the store does not. */
const OPEN_JOINS = { perAddress: { capacity: 50, refillMs: 60_000 }, overall: { capacity: 500, refillMs: 2_000 } };

/**
 * Lets nodes in.
 *
 * Invariants: (1) nothing is said of a code to anyone who has not proved to know it; (2) a code is taken in one step of
 * the store, after everything that can be refused was; (3) a challenge is spent before that, so that no conversation
 * counts twice; (4) only what strangers got wrong counts against them.
 */
export function createPairing(options: PairingOptions): Pairing {
  const { store, register, identity, authority, now, log } = options;
  const challenges = createChallenges(now, options.randomBytes);
  const proofs = createNodeProofs({
    challenges,
    relayKey: identity.publicKey,
    publicUrl: options.publicUrl,
    authority: authority?.fingerprint,
  });
  const wrongCodes = createAttemptLimit({ ...WRONG_CODES, now });
  const joins = createAttemptLimit({ ...OPEN_JOINS, now });

  /** Whoever asks for no certificate would knock at the bus in vain, and a code would be spent on it (SPEC L9). */
  const assertCertifiable = (proof: CompletePairing['proof'] | undefined): void => {
    if (authority === undefined || options.browserNodes === true || proof === undefined || proof.tlsKey !== undefined)
      return;
    throw new Problem(
      'certificate_required',
      'This machine shows no certificate, as no browser tab can, and this relay takes no node without one. Run `sparewatt agent` there, or ask the operator to start the relay with --browser-nodes.',
    );
  };

  const assertCode = async (request: CompletePairing, statement: Uint8Array, address: string) => {
    const code = await store.findCode(request.code.id);
    const isRight = code !== undefined && (await isCodeProof(code.secret, statement, request.code.proof));
    // Again, as of many guesses sent at once each has found the limit untouched.
    wrongCodes.assertMayTry(address);
    if (isRight) return code;
    wrongCodes.count(address);
    throw unknownCode();
  };

  const admit = async (applicant: Applicant): Promise<KnownNode> => {
    assertNotRevoked(register.isKeyRevoked(applicant.publicKey));
    const known = register.get(applicant.nodeId);
    const isForgotten = register.isKeyForgotten(applicant.publicKey);
    const decided = decideAdmission({ ...applicant, isForgotten }, known, options.rules, now());
    if (known !== undefined && applicant.admittance === 'key' && known.publicKey === applicant.publicKey) {
      register.noteSeen(known.nodeId, now());
      return known;
    }
    const node = await register.admit(decided);
    assertNotRevoked(node.state === 'revoked');
    if (known === undefined) log.info({ node: node.nodeId, trust: node.trust, state: node.state }, 'a new node');
    return node;
  };

  const claimShownCode = async (text: string, nodeId: string, address: string): Promise<PairingCodeRecord> => {
    wrongCodes.assertMayTry(address);
    const code = readPairingCode(text);
    const known = code === undefined ? undefined : await findShownCode(store, code);
    wrongCodes.assertMayTry(address);
    if (known === undefined) {
      wrongCodes.count(address);
      throw unknownCode();
    }
    await claim(store, known, nodeId, now());
    return known;
  };

  const countStranger = (nodeId: string, { address, trust }: Caller): void => {
    if (trust !== undefined || register.get(nodeId) !== undefined || !options.rules.open) return;
    joins.assertMayTry(address);
    joins.count(address);
  };

  const answerFor = ({ nodeId, publicKey, state }: KnownNode, caller: Caller, tlsKey?: string): PairingAnswer => {
    const base = { nodeId, busPath: options.busPath, authority: authority?.certificate };
    if (state !== 'active') return { ...base, state: 'pending', jwt: null, expiresAt: null };
    const minted = options.mintNodeCredentials({ nodeId, publicKey });
    const { expiresAt } = minted;
    const certificate =
      tlsKey === undefined ? undefined : authority?.issueNode({ nodeId, publicKey: tlsKey, expiresAt });
    // Without a certificate a node would only knock there in vain.
    const busUrl = authority === undefined || certificate !== undefined ? caller.busUrl : undefined;
    return { ...base, state: 'active', ...minted, certificate, busUrl };
  };
  const sign = (transcript: PairingTranscript, answer: PairingAnswer) => {
    const statement = relayStatement(transcript, answer);
    return { statement, relaySignature: bytesToBase64Url(identity.sign(statement)) };
  };

  return {
    relayKey: identity.publicKey,
    ...createPairingCodes(options),
    challenge: (request) => {
      const { challenge, expiresAt } = challenges.make(request);
      return { relayPublicKey: identity.publicKey, challenge, expiresAt: Math.floor(expiresAt / 1_000) };
    },
    complete: async (request, caller) => {
      wrongCodes.assertMayTry(caller.address);
      const { publicKey, name } = request;
      const nodeId = nodeIdOf(name, publicKey);
      assertCertifiable(request.proof);
      const conversation = await proofs.check(request, request.code.id);
      const code = await assertCode(request, conversation.statement, caller.address);
      assertNotRevoked(register.isKeyRevoked(publicKey));
      proofs.spend(conversation);
      await claim(store, code, nodeId, now());
      const node = await admit({ nodeId, publicKey, name, admittance: 'code', labels: code.labels });
      log.info({ node: nodeId, state: node.state, from: caller.address }, 'a node was paired');
      const answer = answerFor(node, caller, request.proof.tlsKey);
      const signed = sign(conversation.transcript, answer);
      const codeProof = await proveCode(code.secret, signed.statement);
      return { ...withoutUndefined(answer), relaySignature: signed.relaySignature, codeProof };
    },
    enroll: async (request, caller) => {
      const { publicKey, name, proof } = request;
      const nodeId = nodeIdOf(name, publicKey);
      if (proof === undefined && caller.trust === undefined) throw pairingRequired();
      assertCertifiable(proof);
      const conversation = proof && (await proofs.check({ publicKey, name, proof }, null));
      if (conversation !== undefined) proofs.spend(conversation);
      countStranger(nodeId, caller);
      const node = await admit({ nodeId, publicKey, name, admittance: caller.trust ?? 'key' });
      const answer = answerFor(node, caller, proof?.tlsKey);
      const { state: _state, jwt, expiresAt, ...granted } = withoutUndefined(answer);
      if (jwt === null || expiresAt === null) throw pendingProblem(nodeId);
      return {
        ...granted,
        jwt,
        expiresAt,
        ...(conversation && { relaySignature: sign(conversation.transcript, answer).relaySignature }),
      };
    },
    recognise: async (signed) => {
      const conversation = await proofs.check(signed, null, 'records');
      proofs.spend(conversation);
      const node = register.get(nodeIdOf(signed.name, signed.publicKey));
      assertNotRevoked(register.isKeyRevoked(signed.publicKey));
      if (node?.publicKey !== signed.publicKey) throw pairingRequired();
      const { challenge } = conversation.transcript;
      return {
        nodeId: node.nodeId,
        sign: (records) => bytesToBase64Url(identity.sign(recordsStatement(challenge, records))),
      };
    },
    admitMiner: async ({ name, publicKey, proof, code }, caller) => {
      const nodeId = nodeIdOf(name, publicKey);
      const applicant = { nodeId, publicKey, name };
      if (proof !== undefined) proofs.spend(await proofs.check({ publicKey, name, proof }, null));
      if (code !== undefined) {
        assertNotRevoked(register.isKeyRevoked(publicKey));
        const { labels } = await claimShownCode(code, nodeId, caller.address);
        return admit({ ...applicant, admittance: 'code', labels });
      }
      countStranger(nodeId, caller);
      return admit({ ...applicant, admittance: caller.trust ?? 'key' });
    },
  };
}

/** Undefined for a code that this relay has not given out. */
async function findShownCode(store: PairingStore, code: string): Promise<PairingCodeRecord | undefined> {
  const { id, secret } = await codeSecretsOf(code);
  const known = await store.findCode(id);
  return known !== undefined && timingSafeEqual(Buffer.from(known.secret), Buffer.from(secret)) ? known : undefined;
}

function unknownCode(): Problem {
  return new Problem('pairing_code_invalid', 'The relay knows no such pairing code. Check it, or ask for a new one.');
}

async function claim(store: PairingStore, { codeId }: PairingCodeRecord, nodeId: string, at: number): Promise<void> {
  switch (await store.claimCode({ codeId, nodeId, at })) {
    case 'claimed':
      return;
    case 'used':
      throw new Problem('pairing_code_used', 'Another node has used this pairing code. Ask for a new one.');
    default:
      throw new Problem('pairing_code_expired', 'This pairing code has expired. Ask for a new one.');
  }
}

function assertNotRevoked(isRevoked: boolean): void {
  if (!isRevoked) return;
  throw new Problem('node_revoked', 'The operator of this relay has revoked this node. Ask them to approve it again.');
}

function pendingProblem(nodeId: string): Problem {
  return new Problem('node_pending', `The node ${nodeId} waits until the operator of the relay approves it.`, {
    retryAfterMs: 5_000,
  });
}

function withoutUndefined({ busUrl, certificate, authority, ...answer }: PairingAnswer) {
  return {
    ...answer,
    ...(busUrl === undefined ? {} : { busUrl }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(authority === undefined ? {} : { authority }),
  };
}
