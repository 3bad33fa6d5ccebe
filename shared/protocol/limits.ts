/** Numbers both ends must agree on, each with the reason for its size. Rules in SPEC.md refer to them by name. */
export const LIMITS = {
  /** Small enough to notice a change of load, large enough that 10,000 nodes cost a fraction of a core. */
  heartbeatIntervalMs: 5_000,
  /** Three heartbeats: one lost message must not cost a node its lease. */
  leaseMs: 15_000,
  /**
   * A capability document counts this long. Long, because each renewal of 10,000 nodes costs the relay 2 s of a core;
   * short, because a copy of it can deceive as long.
   */
  documentLifetimeMs: 10 * 60_000,
  /** A hundred models with all that is said of them fit several times; the relay holds one document of each of 10,000 nodes. */
  maxDocumentBytes: 1024 * 1024,
  /** How wrong a node's clock may be before its documents seem expired or from the future. */
  clockSkewMs: 5 * 60_000,
  /** A node on another continent answers within this unless it is stuck. */
  acceptTimeoutMs: 2_000,
  /** Told in each heartbeat: more would make the beats of 10,000 nodes a load, and no machine keeps many more. */
  warmSessions: 32,
  /** With the time for an answer, a frozen node is known within 4 s; shorter, slow prompts would cost pings. */
  silenceMs: 1_500,
  /** Chat prompts of 200 KB and their JSON fit with room; larger inputs are files. */
  maxMessageBytes: 8 * 1024 * 1024,
  /** That of OpenAI's routes for recordings, which clients know; of every file that a model reads, which its node holds in memory. */
  maxRecordingBytes: 25 * 1024 * 1024,
  /** A traceparent takes 82; larger headers are not looked at, since reading them could keep a node from its work. */
  maxHeaderBytes: 4_096,
  /** One frame of embedding vectors: 64 vectors of 1,024 floats in base64 are 350 KB. */
  vectorsPerFrame: 64,
  /** OpenAI's own limits, which clients size their batches by. */
  maxEmbeddingInputs: 2_048,
  /** A query and its documents are one list of texts where a model for embeddings ranks them. */
  maxRerankDocuments: 256,
  maxStopSequences: 4,
  maxTools: 128,
  maxTopLogprobs: 20,
  /** Every choice holds a cache of the whole conversation on its node. */
  maxChoices: 16,
  /** Each is hundreds of tokens to a model; together they must fit into one message. */
  maxChatPictures: 16,
  /** Biases are for a few words; a table for the whole vocabulary would be a prompt of its own. */
  maxLogitBiases: 1_024,
  /** OpenAI's longest schema is of this order; compiling one takes a fraction of a second. */
  maxSchemaBytes: 128 * 1024,
  /** A year of a fast model. Sums of claims beyond it would leave the numbers that are exact. */
  maxTokens: 1_000_000_000,
  /** Names of devices, runtimes and revisions stand on receipts, which are kept for good. */
  maxExecutionNameLength: 256,
  /** What a node answers with may be nested as deeply as what clients ask (`assert-sayable.ts`). */
  maxOutputLevels: 200,
} as const;

export const PROTOCOL_VERSION = 1;
