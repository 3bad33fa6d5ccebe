/** The request itself is at fault. */
const wrong = kindOf('never', 'invalid_request_error');
const unknownCaller = kindOf('never', 'authentication_error');
const forbidden = kindOf('never', 'permission_error');
/** Nothing is wrong but the moment. */
const notNow = kindOf('later', 'invalid_request_error');
const tooMuch = kindOf('later', 'rate_limit_error');
const unavailable = kindOf('later', 'server_error');
const elsewhere = kindOf('elsewhere', 'server_error');
/** Somebody has to mend it before it can work. */
const broken = kindOf('never', 'server_error');

/**
 * The one error table. Every refusal that crosses HTTP, NATS, IPC or the command line carries one of these codes.
 *
 * `status` is the HTTP status. `retry` says what a caller gains from trying again: `never` (the request is at fault),
 * `later` (same request, after a pause), `elsewhere` (the relay may try another node at once). `type` is the class that
 * OpenAI's clients know the problem by.
 */
export const PROBLEMS = {
  invalid_json: wrong(400, 'The body is not valid JSON'),
  malformed_request: wrong(400, 'The bytes are not a valid HTTP request'),
  headers_too_large: wrong(431, 'Address and headers are too large'),
  invalid_value: wrong(400, 'A parameter has a wrong value'),
  missing_required_parameter: wrong(400, 'A required parameter is missing'),
  unsupported_parameter: wrong(400, 'A parameter is known but not supported'),
  /** Anthropic's clients know this code: they go on without a thread. */
  thread_unsupported_request: wrong(400, 'Conversations are not kept here'),
  unsupported_content: wrong(400, 'The model cannot read this kind of content'),
  unsupported_media: wrong(400, 'This kind of file cannot be read here'),
  invalid_audio: wrong(400, 'The recording cannot be read'),
  invalid_image: wrong(400, 'The picture cannot be read'),
  image_unavailable: wrong(400, 'The picture cannot be fetched from its address'),
  context_length_exceeded: wrong(400, 'The prompt is longer than the model can read'),
  invalid_api_key: unknownCaller(401, 'The API key is missing or wrong'),
  signature_required: unknownCaller(401, 'Requests of this key must be signed'),
  signature_invalid: unknownCaller(401, 'The signature is not that of the request'),
  signature_expired: unknownCaller(401, 'The request was signed too long ago or is ahead of time'),
  nonce_repeated: unknownCaller(401, 'The nonce of the request was used before'),
  body_altered: unknownCaller(401, 'The body is not the one that was signed'),
  insufficient_scope: forbidden(403, 'The key does not allow this'),
  pairing_required: forbidden(403, 'This machine is not paired'),
  pairing_code_invalid: forbidden(403, 'This is not a pairing code of the relay'),
  pairing_code_expired: forbidden(403, 'The pairing code has expired'),
  pairing_code_used: forbidden(403, 'The pairing code was used before'),
  pairing_code_not_found: wrong(404, 'No such pairing code'),
  pairing_challenge_invalid: notNow(409, 'The challenge was used, is too old or is from another relay'),
  pairing_proof_invalid: forbidden(403, 'The signature does not belong to this conversation'),
  node_pending: notNow(409, 'The node waits for approval'),
  clocks_differ: notNow(409, 'The clocks of node and relay differ'),
  certificate_required: forbidden(403, 'The node shows no certificate'),
  node_revoked: forbidden(403, 'The node was revoked'),
  relay_identity_changed: broken(502, 'This is not the relay that the node was paired with'),
  relay_not_verified: broken(502, 'Nothing that this machine trusts vouches for the relay'),
  too_many_attempts: tooMuch(429, 'Too many attempts'),
  rate_limit_exceeded: tooMuch(429, 'The key has used up what it may in a minute'),
  parallel_limit_exceeded: tooMuch(429, 'The key has as many requests under way as it may'),
  budget_exceeded: wrong(402, 'The budget of the key is spent'),
  insufficient_credits: wrong(402, 'The key does not have enough credits left'),
  price_not_found: wrong(404, 'There is no such price'),
  grant_conflict: wrong(409, 'Another grant has this reference'),
  nothing_to_settle: wrong(409, 'Nothing was earned since the last settlement'),
  settlement_not_found: wrong(404, 'There is no such settlement'),
  key_not_found: wrong(404, 'There is no such key'),
  node_connected: wrong(409, 'The node is connected'),
  node_identity_taken: wrong(409, 'Another key already holds this node id'),
  unknown_url: wrong(404, 'There is nothing at this address'),
  method_not_allowed: wrong(405, 'This address does not take that method'),
  model_not_found: wrong(404, 'No such model'),
  node_not_found: wrong(404, 'No such node'),
  task_not_found: wrong(404, 'No such task'),
  task_refused: forbidden(403, 'A person refused the task'),
  approval_expired: notNow(408, 'Nobody approved the task in time'),
  origin_refused: forbidden(403, 'Pages of this origin may not send requests'),
  service_not_found: wrong(404, 'No such service'),
  service_not_runnable: broken(501, 'Nothing here has the runtime of the service'),
  service_id_taken: wrong(409, 'The id belongs to another service'),
  decision_not_found: wrong(404, 'No such decision'),
  job_not_found: wrong(404, 'No such job'),
  job_unfinished: notNow(409, 'The job has not ended yet'),
  result_not_found: wrong(404, 'There is no such result'),
  result_too_large: wrong(413, 'The result is larger than what is sent or kept'),
  job_failed: wrong(422, 'The job itself failed, and would on any node'),
  attempt_over: wrong(409, 'The attempt is over'),
  job_expired: notNow(408, 'The job was not done in the time it was given'),
  batch_not_found: wrong(404, 'There is no such batch'),
  file_not_found: wrong(404, 'There is no such file'),
  file_too_large: wrong(413, 'The file is too large'),
  file_quota_exceeded: tooMuch(429, 'The files of the key fill what it may keep'),
  file_storage_full: unavailable(507, 'The relay has no room for more files'),
  range_not_satisfiable: wrong(416, 'The file has no such part'),
  file_transfer_failed: elsewhere(502, 'A file did not arrive whole at the node or at the relay'),
  tool_failed: wrong(422, 'The program could not do this with this file'),
  tool_unusable: elsewhere(503, 'The node cannot run the program in a sandbox'),
  idempotency_in_flight: notNow(409, 'The same request is being answered'),
  idempotency_key_reused: wrong(422, 'The idempotency key belongs to another request'),
  body_too_large: wrong(413, 'The body is too large'),
  unsupported_media_type: wrong(415, 'The body is of another media type than this route takes'),
  request_timeout: notNow(408, 'The request took too long to arrive'),
  cancelled: wrong(499, 'The job was cancelled'),
  client_too_slow: wrong(499, 'The client stopped reading its answer'),
  internal: unavailable(500, 'The relay made a mistake'),
  node_fault: elsewhere(502, 'The node failed while it worked'),
  node_out_of_memory: elsewhere(503, 'The node has too little memory for the job'),
  device_lost: elsewhere(502, 'The node lost its GPU while it worked'),
  device_missing: elsewhere(503, 'The node has no GPU that it may compute on now'),
  node_lost: elsewhere(502, 'The node vanished while it worked'),
  node_busy: elsewhere(503, 'The node has no free slot'),
  policy_refused: elsewhere(503, 'The owner of the node does not allow this job'),
  handed_back: elsewhere(503, 'The owner of the node needed it and took it back'),
  no_capacity: unavailable(503, 'No node can take this job now'),
  queue_full: tooMuch(429, 'Too many jobs are waiting'),
  draining: unavailable(503, 'The relay is shutting down'),
  relay_lost: unavailable(503, 'The relay stopped while the job ran'),
  bus_unavailable: unavailable(503, 'The message bus is not reachable'),
  job_timeout: unavailable(504, 'The job took longer than it may'),
  storage_failed: unavailable(507, 'The relay cannot write to its storage'),
  model_files_missing: elsewhere(503, 'A file of the model is missing'),
  model_files_corrupt: elsewhere(503, 'A file of the model is damaged'),
  model_download_failed: elsewhere(503, 'The model could not be downloaded'),
  model_source_refused: elsewhere(503, 'The model may not come from there'),
  model_source_changed: elsewhere(503, 'A file of the model is not the one that its list names'),
  model_store_full: elsewhere(503, 'The models of this machine have used up their space'),
  browser_storage_full: elsewhere(503, 'The browser gives the page no more room'),
  browser_offline: elsewhere(503, 'The browser is offline'),
  network_metered: elsewhere(503, 'The network is metered'),
  model_in_use: notNow(409, 'The model is in use'),
  model_load_failed: elsewhere(503, 'The model could not be loaded'),
  stale_epoch: elsewhere(409, 'The message is from an earlier session'),
  protocol_violation: elsewhere(502, 'The message breaks the protocol'),
  receipt_not_found: wrong(404, 'No such receipt'),
  receipt_invalid: wrong(400, 'The receipt does not hold'),
  receipt_mismatch: wrong(400, 'The receipt stands for another answer'),
  receipt_log_damaged: broken(500, 'The receipt log was changed'),
  port_in_use: broken(503, 'The port is taken'),
  address_unavailable: broken(503, 'The address cannot be bound'),
  data_folder_in_use: broken(503, 'Another process uses the data folder'),
  data_folder_unusable: broken(503, 'The data folder cannot be used'),
  ledger_unusable: unavailable(507, 'The ledger of this machine cannot be written'),
  keychain_unavailable: unavailable(503, 'The keychain does not give the key of this node'),
  database_in_use: broken(503, 'Another relay uses the database'),
  database_unusable: broken(503, 'The database cannot be used'),
  nats_server_missing: broken(503, 'No nats-server program was found'),
  nats_server_failed: unavailable(503, 'nats-server did not start'),
  node_unreachable: unavailable(503, 'No node answers on this machine'),
  relay_unreachable: unavailable(503, 'The relay does not answer'),
  pages_missing: unavailable(503, 'The pages of the relay are not built'),
  unsupported_browser: wrong(400, 'This browser cannot be a node'),
  invalid_setting: wrong(400, 'A setting of the configuration is wrong'),
  invalid_option: wrong(400, 'A command-line option is wrong'),
} satisfies Record<string, ProblemKind>;

export type Retry = 'never' | 'later' | 'elsewhere';

export type ProblemKind = {
  readonly title: string;
  readonly status: number;
  readonly retry: Retry;
  readonly type: string;
};

export type ProblemCode = keyof typeof PROBLEMS;

function kindOf(retry: Retry, type: string): (status: number, title: string) => ProblemKind {
  return (status, title) => ({ title, status, retry, type });
}

export function isProblemCode(value: unknown): value is ProblemCode {
  return typeof value === 'string' && Object.hasOwn(PROBLEMS, value);
}
