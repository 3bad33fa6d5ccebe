import { isProblemCode, type ProblemCode } from './table.ts';

/**
 * What nobody meets in the app or in a browser's tab: problems of clients and their jobs, of operators, and of programs that
 * start. A new code of the table stands here or has a sentence below; otherwise this file does not compile.
 */
export const PROBLEMS_OF_OTHERS = [
  // Of the command line.
  'node_unreachable',
  // Of a client's request.
  'unsupported_parameter',
  'thread_unsupported_request',
  'unsupported_content',
  'unsupported_media',
  'invalid_audio',
  'invalid_image',
  'image_unavailable',
  'context_length_exceeded',
  'invalid_api_key',
  'signature_required',
  'signature_invalid',
  'signature_expired',
  'nonce_repeated',
  'body_altered',
  'insufficient_scope',
  'budget_exceeded',
  'parallel_limit_exceeded',
  'insufficient_credits',
  'service_not_found',
  'service_not_runnable',
  'idempotency_in_flight',
  'idempotency_key_reused',
  'client_too_slow',
  'no_capacity',
  'queue_full',
  // Of a job, a task or a file; what became of the jobs of this machine is told by the code.
  'task_not_found',
  'task_refused',
  'approval_expired',
  'job_not_found',
  'job_unfinished',
  'job_failed',
  'job_expired',
  'job_timeout',
  'attempt_over',
  'result_not_found',
  'result_too_large',
  'batch_not_found',
  'file_not_found',
  'file_too_large',
  'file_quota_exceeded',
  'file_storage_full',
  'file_transfer_failed',
  'range_not_satisfiable',
  'tool_failed',
  'tool_unusable',
  'node_lost',
  'relay_lost',
  'stale_epoch',
  // Of an operator.
  'pairing_code_not_found',
  'price_not_found',
  'grant_conflict',
  'nothing_to_settle',
  'settlement_not_found',
  'key_not_found',
  'node_not_found',
  'node_connected',
  'service_id_taken',
  'decision_not_found',
  'receipt_not_found',
  'receipt_invalid',
  'receipt_mismatch',
  'receipt_log_damaged',
  // Of a relay or of a node without a screen, in its terminal.
  'port_in_use',
  'address_unavailable',
  'data_folder_in_use',
  'database_in_use',
  'database_unusable',
  'nats_server_missing',
  'nats_server_failed',
  'pages_missing',
] as const satisfies readonly ProblemCode[];

type MetCode = Exclude<ProblemCode, (typeof PROBLEMS_OF_OTHERS)[number]>;

/** A relay of another version, or something between it and this machine. */
const MISUNDERSTOOD = 'Le relais n’a pas compris la demande. Sa version ne convient peut-être pas à celle-ci.';
const WRONG_VALUE = 'Une valeur n’est pas acceptée.';

/** What a person meets who reads French: what happened, and what to do. */
const FRENCH: Readonly<Record<MetCode, string>> = {
  invalid_option: 'Ce n’est pas un lien ni un code d’appairage complet. Vérifiez-le, ou demandez-en un autre.',
  pairing_required: 'Le relais ne connaît pas cette machine. Il lui faut un code d’appairage.',
  pairing_code_invalid: 'Le relais ne connaît pas ce code. Demandez-en un nouveau à son opérateur.',
  pairing_code_expired: 'Ce code a expiré. Demandez-en un nouveau à l’opérateur du relais.',
  pairing_code_used: 'Ce code a déjà servi. Demandez-en un nouveau à l’opérateur du relais.',
  pairing_challenge_invalid: 'L’échange avec le relais a duré trop longtemps. Réessayez.',
  pairing_proof_invalid: 'Le relais n’a pas accepté la signature de cette machine. Réessayez avec un nouveau code.',
  too_many_attempts: 'Trop d’essais. Attendez une minute avant de recommencer.',
  rate_limit_exceeded: 'Trop de demandes en une minute. Attendez un peu avant de recommencer.',
  relay_unreachable: 'Le relais ne répond pas. Vérifiez son adresse et qu’il fonctionne.',
  relay_identity_changed: 'Un autre relais répond à cette adresse. Demandez un code à son opérateur.',
  relay_not_verified:
    'Cette machine ne peut pas vérifier l’identité du relais. Utilisez le lien que donne son opérateur.',
  node_pending: 'L’opérateur du relais doit encore approuver cette machine.',
  clocks_differ: 'L’horloge de cette machine et celle du relais diffèrent. Réglez celle qui est fausse.',
  certificate_required:
    'Ce relais n’admet aucune machine sans certificat, et un onglet n’en a pas. Demandez à l’opérateur de le démarrer avec --browser-nodes.',
  node_revoked:
    'L’opérateur du relais a exclu cette machine. Demandez-lui pourquoi ; lui seul peut l’approuver de nouveau.',
  node_identity_taken: 'Une autre machine porte déjà ce nom auprès du relais. Parlez-en à son opérateur.',
  bus_unavailable: 'Le relais n’atteint pas son bus de messages. Réessayez plus tard.',
  draining: 'Le relais est en train de s’arrêter. Réessayez plus tard.',
  storage_failed: 'Le relais ne peut plus rien enregistrer. Prévenez son opérateur.',
  protocol_violation: 'La réponse du relais n’est pas celle attendue. Sa version ne convient peut-être pas à celle-ci.',
  request_timeout: 'La demande a mis trop longtemps à atteindre le relais. Réessayez.',
  invalid_json: MISUNDERSTOOD,
  malformed_request: MISUNDERSTOOD,
  headers_too_large: MISUNDERSTOOD,
  missing_required_parameter: MISUNDERSTOOD,
  unknown_url: MISUNDERSTOOD,
  method_not_allowed: MISUNDERSTOOD,
  body_too_large: MISUNDERSTOOD,
  unsupported_media_type: MISUNDERSTOOD,
  model_not_found: 'Aucun modèle de ce nom n’a été trouvé sous une forme qui convient.',
  model_download_failed: 'Le modèle n’a pas pu être téléchargé. Ce qui est déjà téléchargé est gardé ; réessayez.',
  model_store_full: 'Le modèle ne tient pas dans l’espace que vous accordez aux modèles.',
  model_load_failed: 'Cette application n’a pas pu charger ce modèle.',
  model_files_missing: 'Des fichiers du modèle manquent. Téléchargez-le de nouveau.',
  model_files_corrupt: 'Les fichiers du modèle sont abîmés. Téléchargez-le de nouveau.',
  model_source_refused: 'Les réglages de cette machine n’acceptent pas de modèle de cette source.',
  model_source_changed:
    'Un fichier du modèle n’est pas celui que sa liste annonce. Rien n’en a été gardé ; prévenez l’opérateur du relais.',
  browser_storage_full:
    'Le navigateur ne donne plus de place à cette page. Libérez de l’espace sur le disque, ou retirez un modèle.',
  browser_offline:
    'Le navigateur est hors ligne. Ce qui est déjà téléchargé est gardé ; le téléchargement reprendra avec le réseau.',
  network_metered: 'Le réseau est limité ou payant. Rien n’est téléchargé sans votre accord.',
  model_in_use: 'Ce modèle est déjà ici, ou en route, ou encore utilisé.',
  node_busy: 'Des tâches sont en cours sur cette machine. Mettez-la en pause, puis réessayez.',
  node_fault: 'Le calcul a échoué sur cette machine. Le journal en dit plus.',
  node_out_of_memory: 'La mémoire de cette machine ne suffit pas.',
  device_lost: 'La carte graphique a cessé de répondre. Un pilote plus récent peut aider.',
  device_missing: 'Aucune carte graphique ne peut calculer en ce moment.',
  handed_back: 'Ce qui était en cours a été rendu, car vous avez repris votre machine.',
  policy_refused: 'Vos préférences ne le permettent pas maintenant.',
  invalid_value: WRONG_VALUE,
  invalid_setting: WRONG_VALUE,
  data_folder_unusable: 'L’application ne peut pas lire ou écrire dans son dossier de données.',
  ledger_unusable:
    'Le registre de cette machine ne peut plus rien enregistrer. Libérez de l’espace sur le disque ; l’enregistrement reprendra ensuite.',
  keychain_unavailable:
    'Le trousseau du système ne donne pas la clé de cette machine. Déverrouillez-le, puis réessayez.',
  origin_refused: 'Cette page n’est pas autorisée à demander cela.',
  unsupported_browser: 'Ce navigateur ne peut pas garder de clé Ed25519. Utilisez-en un plus récent.',
  cancelled: 'Ce qui était en cours a été arrêté.',
  internal: 'Une erreur est survenue dans l’application. Le journal en dit plus.',
};

/** Whose own words may name a model, a file, an address or a size, which no sentence for all of them can. */
const WITH_DETAIL: ReadonlySet<string> = new Set<MetCode>([
  'relay_unreachable',
  'relay_not_verified',
  'storage_failed',
  'protocol_violation',
  'node_pending',
  'clocks_differ',
  'model_not_found',
  'model_download_failed',
  'model_store_full',
  'model_load_failed',
  'model_files_missing',
  'model_files_corrupt',
  'model_source_refused',
  'model_source_changed',
  'browser_storage_full',
  'node_out_of_memory',
  'invalid_value',
  'invalid_setting',
  'data_folder_unusable',
  'ledger_unusable',
  'keychain_unavailable',
]);
const DATA = /['\d/(]/;

/** What went wrong and what to do, with the problem's own words where they carry data; in English where it has no sentence. */
export function frenchProblem({ code, message }: { code: string; message: string }): string {
  const sentence = isProblemCode(code) && isMet(code) ? FRENCH[code] : undefined;
  if (sentence === undefined) return message;
  return WITH_DETAIL.has(code) ? withEnglishDetail(sentence, message) : sentence;
}

/** A sentence with the problem's own words, where those name a model, a file, an address or a number. */
export function withEnglishDetail(sentence: string, message: string): string {
  return DATA.test(message) ? `${sentence} Détail, en anglais : ${message}` : sentence;
}

function isMet(code: ProblemCode): code is MetCode {
  return Object.hasOwn(FRENCH, code);
}
