/** What a conversation is recognised by, on the node and in the relay; nobody is told this text. */
export type Conversation = {
  /** Whose it is: conversations of two clients never meet, however alike. */
  client: string;
  model: string;
  messages: readonly { role: string; content: string }[];
};

/** The beginning tells conversations apart; hashing all of a long prompt would cost more than it gains. */
const HASHED_CHARACTERS = 4_096;
/** 64 bits: a mistake costs a detour, and there are some thousands at a time. */
const DIGEST_CHARACTERS = 16;

/** The text whose SHA-256 stands for a conversation; undefined for one that the user has not begun. */
export function conversationText({ client, model, messages }: Conversation): string | undefined {
  const beginning = beginningOf(messages);
  return beginning === undefined ? undefined : `${client}\n${model}\n${beginning}`;
}

/** Everything up to and including the first words of the user, each with its length: no two beginnings read the same. */
function beginningOf(messages: Conversation['messages']): string | undefined {
  let beginning = '';
  for (const { role, content } of messages) {
    const hashed = content.slice(0, HASHED_CHARACTERS);
    beginning += `${hashed.length} ${hashed}`;
    if (role === 'user') return beginning;
  }
  return undefined;
}

/** The text whose SHA-256 is told; `digestHex` is that of the conversation. Who lacks the salt can guess at nothing. */
export function saltedText(salt: string, digestHex: string): string {
  return `${salt}\n${digestHex}`;
}

/** What is told of a SHA-256. */
export function shortDigest(digestHex: string): string {
  return digestHex.slice(0, DIGEST_CHARACTERS);
}
