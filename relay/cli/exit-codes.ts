import type { Problem } from '../../shared/problems/problem.ts';

/** The exit codes of every command; `sparewatt --help` lists them. */
export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3, refused: 4, interrupted: 130 } as const;

export function exitCodeOfProblem(problem: Problem): number {
  switch (problem.code) {
    case 'invalid_option':
    case 'invalid_setting':
      return EXIT.usage;
    case 'relay_unreachable':
    case 'node_unreachable':
      return EXIT.unreachable;
    case 'invalid_api_key':
    case 'signature_required':
    case 'signature_invalid':
    case 'signature_expired':
    case 'nonce_repeated':
    case 'body_altered':
    case 'insufficient_scope':
    case 'pairing_required':
    case 'pairing_code_invalid':
    case 'pairing_code_expired':
    case 'pairing_code_used':
    case 'pairing_proof_invalid':
    case 'node_revoked':
    case 'relay_identity_changed':
    case 'node_identity_taken':
      return EXIT.refused;
    default:
      return EXIT.failed;
  }
}
