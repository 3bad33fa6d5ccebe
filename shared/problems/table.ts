/**
 * The one error table. Every refusal that crosses HTTP, NATS, IPC or the command line carries one of these codes.
 *
 * `status` is the HTTP status. `retry` says what a caller gains from trying again: `never` (the request is at fault),
 * `later` (same request, after a pause), `elsewhere` (the relay may try another node at once). `type` is the class that
 * OpenAI's clients know the problem by.
 */
export const PROBLEMS = {
  invalid_json: { title: 'The body is not valid JSON', status: 400, retry: 'never', type: 'invalid_request_error' },
  malformed_request: {
    title: 'The bytes are not a valid HTTP request',
    status: 400,
    retry: 'never',
    type: 'invalid_request_error',
  },
  headers_too_large: {
    title: 'Address and headers are too large',
    status: 431,
    retry: 'never',
    type: 'invalid_request_error',
  },
  invalid_value: { title: 'A parameter has a wrong value', status: 400, retry: 'never', type: 'invalid_request_error' },
  missing_required_parameter: {
    title: 'A required parameter is missing',
    status: 400,
    retry: 'never',
    type: 'invalid_request_error',
  },
  unsupported_parameter: {
    title: 'A parameter is known but not supported',
    status: 400,
    retry: 'never',
    type: 'invalid_request_error',
  },
  unsupported_content: {
    title: 'The model cannot read this kind of content',
    status: 400,
    retry: 'never',
    type: 'invalid_request_error',
  },
  unsupported_media: {
    title: 'The file is of a form that is not read here',
    status: 400,
    retry: 'never',
    type: 'invalid_request_error',
  },
  invalid_audio: {
    title: 'The recording cannot be read',
    status: 400,
    retry: 'never',
    type: 'invalid_request_error',
  },
  invalid_image: { title: 'The picture cannot be read', status: 400, retry: 'never', type: 'invalid_request_error' },
  context_length_exceeded: {
    title: 'The prompt is longer than the model can read',
    status: 400,
    retry: 'never',
    type: 'invalid_request_error',
  },
  invalid_api_key: {
    title: 'The API key is missing or wrong',
    status: 401,
    retry: 'never',
    type: 'authentication_error',
  },
  insufficient_scope: { title: 'The key does not allow this', status: 403, retry: 'never', type: 'permission_error' },
  pairing_required: { title: 'This machine is not paired', status: 403, retry: 'never', type: 'permission_error' },
  pairing_code_invalid: {
    title: 'This is not a pairing code of the relay',
    status: 403,
    retry: 'never',
    type: 'permission_error',
  },
  pairing_code_expired: {
    title: 'The pairing code has expired',
    status: 403,
    retry: 'never',
    type: 'permission_error',
  },
  pairing_code_used: {
    title: 'The pairing code was used before',
    status: 403,
    retry: 'never',
    type: 'permission_error',
  },
  pairing_code_not_found: {
    title: 'No such pairing code',
    status: 404,
    retry: 'never',
    type: 'invalid_request_error',
  },
  pairing_challenge_invalid: {
    title: 'The challenge is spent, too old or not of this relay',
    status: 409,
    retry: 'later',
    type: 'invalid_request_error',
  },
  pairing_proof_invalid: {
    title: 'The signature does not belong to this conversation',
    status: 403,
    retry: 'never',
    type: 'permission_error',
  },
  node_pending: { title: 'The node waits for approval', status: 409, retry: 'later', type: 'invalid_request_error' },
  node_revoked: { title: 'The node was revoked', status: 403, retry: 'never', type: 'permission_error' },
  relay_identity_changed: {
    title: 'This is not the relay that the node was paired with',
    status: 502,
    retry: 'never',
    type: 'server_error',
  },
  relay_not_verified: {
    title: 'Nobody whom this machine knows vouches for the relay',
    status: 502,
    retry: 'never',
    type: 'server_error',
  },
  too_many_attempts: { title: 'Too many failed attempts', status: 429, retry: 'later', type: 'rate_limit_error' },
  rate_limit_exceeded: {
    title: 'The key has used up what it may in a minute',
    status: 429,
    retry: 'later',
    type: 'rate_limit_error',
  },
  insufficient_credits: {
    title: 'The key has not enough credits left',
    status: 402,
    retry: 'never',
    type: 'invalid_request_error',
  },
  price_not_found: { title: 'There is no such price', status: 404, retry: 'never', type: 'invalid_request_error' },
  grant_conflict: {
    title: 'Another grant carries this mark',
    status: 409,
    retry: 'never',
    type: 'invalid_request_error',
  },
  nothing_to_settle: {
    title: 'Nothing was earned since the last settlement',
    status: 409,
    retry: 'never',
    type: 'invalid_request_error',
  },
  settlement_not_found: {
    title: 'There is no such settlement',
    status: 404,
    retry: 'never',
    type: 'invalid_request_error',
  },
  key_not_found: { title: 'There is no such key', status: 404, retry: 'never', type: 'invalid_request_error' },
  node_identity_taken: {
    title: 'Another key already holds this node id',
    status: 409,
    retry: 'never',
    type: 'invalid_request_error',
  },
  unknown_url: {
    title: 'There is nothing at this address',
    status: 404,
    retry: 'never',
    type: 'invalid_request_error',
  },
  method_not_allowed: {
    title: 'This address does not take that method',
    status: 405,
    retry: 'never',
    type: 'invalid_request_error',
  },
  model_not_found: { title: 'No such model', status: 404, retry: 'never', type: 'invalid_request_error' },
  node_not_found: { title: 'No such node', status: 404, retry: 'never', type: 'invalid_request_error' },
  task_not_found: { title: 'No such task', status: 404, retry: 'never', type: 'invalid_request_error' },
  task_refused: {
    title: 'A person refused the task',
    status: 403,
    retry: 'never',
    type: 'permission_error',
  },
  approval_expired: {
    title: 'Nobody approved the task in time',
    status: 408,
    retry: 'later',
    type: 'invalid_request_error',
  },
  origin_refused: {
    title: 'Pages of this origin may not ask',
    status: 403,
    retry: 'never',
    type: 'permission_error',
  },
  service_not_found: { title: 'No such service', status: 404, retry: 'never', type: 'invalid_request_error' },
  service_not_runnable: {
    title: 'No node of this version has the runtime of the service',
    status: 501,
    retry: 'never',
    type: 'server_error',
  },
  service_id_taken: {
    title: 'The id belongs to another service',
    status: 409,
    retry: 'never',
    type: 'invalid_request_error',
  },
  decision_not_found: { title: 'No such decision', status: 404, retry: 'never', type: 'invalid_request_error' },
  job_not_found: { title: 'No such job', status: 404, retry: 'never', type: 'invalid_request_error' },
  job_unfinished: {
    title: 'The job has not ended yet',
    status: 409,
    retry: 'later',
    type: 'invalid_request_error',
  },
  result_not_found: { title: 'There is no such result', status: 404, retry: 'never', type: 'invalid_request_error' },
  result_too_large: {
    title: 'The result is larger than what is sent or kept',
    status: 413,
    retry: 'never',
    type: 'invalid_request_error',
  },
  job_expired: {
    title: 'The job was not done in the time it was given',
    status: 408,
    retry: 'later',
    type: 'invalid_request_error',
  },
  idempotency_in_flight: {
    title: 'The same request is being answered',
    status: 409,
    retry: 'later',
    type: 'invalid_request_error',
  },
  idempotency_key_reused: {
    title: 'The idempotency key belongs to another request',
    status: 422,
    retry: 'never',
    type: 'invalid_request_error',
  },
  body_too_large: { title: 'The body is too large', status: 413, retry: 'never', type: 'invalid_request_error' },
  unsupported_media_type: {
    title: 'The body is of another media type than this route takes',
    status: 415,
    retry: 'never',
    type: 'invalid_request_error',
  },
  request_timeout: {
    title: 'The request took too long to arrive',
    status: 408,
    retry: 'later',
    type: 'invalid_request_error',
  },
  cancelled: { title: 'The job was cancelled', status: 499, retry: 'never', type: 'invalid_request_error' },
  client_too_slow: {
    title: 'The client stopped reading its answer',
    status: 499,
    retry: 'never',
    type: 'invalid_request_error',
  },
  internal: { title: 'The relay made a mistake', status: 500, retry: 'later', type: 'server_error' },
  node_fault: { title: 'The node failed while it worked', status: 502, retry: 'elsewhere', type: 'server_error' },
  node_out_of_memory: {
    title: 'The node has too little memory for the job',
    status: 503,
    retry: 'elsewhere',
    type: 'server_error',
  },
  node_lost: { title: 'The node vanished while it worked', status: 502, retry: 'elsewhere', type: 'server_error' },
  node_busy: { title: 'The node has no free slot', status: 503, retry: 'elsewhere', type: 'server_error' },
  policy_refused: {
    title: 'The owner of the node does not allow this job',
    status: 503,
    retry: 'elsewhere',
    type: 'server_error',
  },
  handed_back: {
    title: 'The owner of the node took it back from its jobs',
    status: 503,
    retry: 'elsewhere',
    type: 'server_error',
  },
  no_capacity: { title: 'No node can take this job now', status: 503, retry: 'later', type: 'server_error' },
  queue_full: { title: 'Too many jobs are waiting', status: 429, retry: 'later', type: 'rate_limit_error' },
  draining: { title: 'The relay is shutting down', status: 503, retry: 'later', type: 'server_error' },
  relay_lost: { title: 'The relay stopped while the job ran', status: 503, retry: 'later', type: 'server_error' },
  bus_unavailable: { title: 'The message bus is not reachable', status: 503, retry: 'later', type: 'server_error' },
  job_timeout: { title: 'The job took longer than it may', status: 504, retry: 'later', type: 'server_error' },
  storage_failed: {
    title: 'The relay cannot write to its data folder',
    status: 507,
    retry: 'later',
    type: 'server_error',
  },
  model_files_missing: {
    title: 'A file of the model is missing',
    status: 503,
    retry: 'elsewhere',
    type: 'server_error',
  },
  model_files_corrupt: {
    title: 'A file of the model is damaged',
    status: 503,
    retry: 'elsewhere',
    type: 'server_error',
  },
  model_download_failed: {
    title: 'The model could not be downloaded',
    status: 503,
    retry: 'elsewhere',
    type: 'server_error',
  },
  model_source_refused: {
    title: 'The model may not come from there',
    status: 503,
    retry: 'elsewhere',
    type: 'server_error',
  },
  model_store_full: {
    title: 'The models of this machine have used up their space',
    status: 503,
    retry: 'elsewhere',
    type: 'server_error',
  },
  model_in_use: {
    title: 'The model is in use',
    status: 409,
    retry: 'later',
    type: 'invalid_request_error',
  },
  model_load_failed: { title: 'The model could not be loaded', status: 503, retry: 'elsewhere', type: 'server_error' },
  stale_epoch: {
    title: 'The message is from an earlier session',
    status: 409,
    retry: 'elsewhere',
    type: 'server_error',
  },
  protocol_violation: {
    title: 'The message breaks the protocol',
    status: 502,
    retry: 'elsewhere',
    type: 'server_error',
  },
  receipt_not_found: { title: 'No such receipt', status: 404, retry: 'never', type: 'invalid_request_error' },
  receipt_invalid: { title: 'The receipt does not hold', status: 400, retry: 'never', type: 'invalid_request_error' },
  receipt_log_damaged: { title: 'The receipt log was changed', status: 500, retry: 'never', type: 'server_error' },
  port_in_use: { title: 'The port is taken', status: 503, retry: 'never', type: 'server_error' },
  address_unavailable: { title: 'The address cannot be bound', status: 503, retry: 'never', type: 'server_error' },
  data_folder_in_use: {
    title: 'Another process uses the data folder',
    status: 503,
    retry: 'never',
    type: 'server_error',
  },
  data_folder_unusable: { title: 'The data folder cannot be used', status: 503, retry: 'never', type: 'server_error' },
  keychain_unavailable: {
    title: 'The keychain does not give the key of this node',
    status: 503,
    retry: 'later',
    type: 'server_error',
  },
  nats_server_missing: { title: 'No nats-server program was found', status: 503, retry: 'never', type: 'server_error' },
  nats_server_failed: { title: 'nats-server did not start', status: 503, retry: 'later', type: 'server_error' },
  relay_unreachable: { title: 'The relay does not answer', status: 503, retry: 'later', type: 'server_error' },
  pages_missing: { title: 'The pages of the relay are not built', status: 503, retry: 'later', type: 'server_error' },
  unsupported_browser: {
    title: 'This browser cannot be a node',
    status: 400,
    retry: 'never',
    type: 'invalid_request_error',
  },
  invalid_setting: {
    title: 'A setting of the configuration is wrong',
    status: 400,
    retry: 'never',
    type: 'invalid_request_error',
  },
  invalid_option: {
    title: 'A command-line option is wrong',
    status: 400,
    retry: 'never',
    type: 'invalid_request_error',
  },
} as const satisfies Record<string, ProblemKind>;

export type Retry = 'never' | 'later' | 'elsewhere';

export type ProblemKind = {
  readonly title: string;
  readonly status: number;
  readonly retry: Retry;
  readonly type: string;
};

export type ProblemCode = keyof typeof PROBLEMS;

export function isProblemCode(value: unknown): value is ProblemCode {
  return typeof value === 'string' && Object.hasOwn(PROBLEMS, value);
}
