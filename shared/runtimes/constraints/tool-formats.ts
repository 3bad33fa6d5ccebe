import type { TaggedCalls } from './tagged-calls.ts';

/** How the models of one family write their calls. All texts are those the models were trained on, to the letter. */
export type ToolFormat = {
  readonly name:
    | 'call-token'
    | 'hermes'
    | 'function-tags'
    | 'argument-tags'
    | 'argument-lines'
    | 'args-token'
    | 'llama-3'
    | 'generic';
  /** What begins a call. Without one an answer is a call when it begins with `open`. */
  readonly mark: string | null;
  /** Between the mark and the function's name, the name and its arguments, and at the end. */
  readonly open: string;
  readonly between: string;
  readonly close: string;
  /** Whether what is between is a mark as well, which may be a token of its own. */
  readonly isBetweenMark?: true;
  /** Between one call and the mark of the next; `null` where there is only ever one. */
  readonly separator: string | null;
  /** Whether the model's own chat template shows the tools, the calls and their results. */
  readonly isInTemplate: boolean;
  /** How calls are written whose parameters are no more than a list of arguments; the rest is for all others. */
  readonly tagged?: TaggedCalls;
};

const HERMES: ToolFormat = {
  name: 'hermes',
  mark: '<tool_call>',
  open: '\n{"name": "',
  between: '", "arguments": ',
  close: '}\n</tool_call>',
  separator: '\n',
  isInTemplate: true,
};

const FUNCTION_TAGS: TaggedCalls = {
  open: '\n<function=',
  between: '>\n',
  argument: '<parameter=',
  value: '>\n',
  end: '\n</parameter>\n',
  close: '</function>\n</tool_call>',
};

const ARGUMENT_TAGS: TaggedCalls = {
  open: '',
  between: '',
  argument: '<arg_key>',
  value: '</arg_key><arg_value>',
  end: '</arg_value>',
  close: '</tool_call>',
};

const ARGUMENT_LINES: TaggedCalls = {
  ...ARGUMENT_TAGS,
  between: '\n',
  value: '</arg_key>\n<arg_value>',
  end: '</arg_value>\n',
};

const GENERIC: ToolFormat = {
  name: 'generic',
  mark: null,
  open: '{"name":"',
  between: '","arguments":',
  close: '}',
  separator: null,
  isInTemplate: false,
};

/** A template that has the first text in it asks for the format; the first that fits is taken. */
const FORMATS: readonly (readonly [inTemplate: RegExp, format: ToolFormat])[] = [
  [
    // gpt-oss has a mark of the same letters at the end of its calls.
    /^(?!.*<\|channel\|>).*<\|call\|>/s,
    {
      name: 'call-token',
      mark: '<|call|>',
      open: '{"name":"',
      between: '","arguments":',
      close: '}',
      separator: '',
      isInTemplate: true,
    },
  ],
  // Qwen3-Coder, Qwen3.5 and later, Nemotron 3
  [/<tool_call>[\s\S]*<function=/, { ...HERMES, name: 'function-tags', tagged: FUNCTION_TAGS }],
  // GLM 4.7 and later; GLM 4.5 and 4.6
  [
    /<tool_call>[\s\S]*<\/arg_key><arg_value>/,
    { ...HERMES, name: 'argument-tags', tagged: ARGUMENT_TAGS, separator: '' },
  ],
  [/<tool_call>[\s\S]*<\/arg_key>/, { ...HERMES, name: 'argument-lines', tagged: ARGUMENT_LINES }],
  [/<tool_call>/, HERMES],
  [
    // Ministral 3, Devstral 2 and Magistral. Between them and the first of Mistral's are models that write an id as well.
    /^(?!.*\[CALL_ID\]).*\[TOOL_CALLS\].*\[ARGS\]/s,
    {
      name: 'args-token',
      mark: '[TOOL_CALLS]',
      open: '',
      between: '[ARGS]',
      isBetweenMark: true,
      close: '',
      separator: '',
      isInTemplate: true,
    },
  ],
  [
    /ipython[\s\S]*"parameters"|"parameters"[\s\S]*ipython/,
    {
      name: 'llama-3',
      mark: null,
      open: '{"name": "',
      between: '", "parameters": ',
      close: '}',
      separator: null,
      isInTemplate: true,
    },
  ],
];

/** For checks where the model is not known: a mark, so that nothing is refused for the lack of one. */
export const ANY_TOOL_FORMAT: ToolFormat = { ...GENERIC, mark: '<call>', separator: '' };

/** All marks, which a vocabulary must know. */
export const TOOL_MARKS: readonly string[] = [
  ...new Set(
    FORMATS.flatMap(([, { mark, between, isBetweenMark = false }]) => [
      ...(mark === null ? [] : [mark]),
      ...(isBetweenMark ? [between] : []),
    ]),
  ),
];

/** The format of a model with this chat template. */
export function toolFormatOf(template: string | null): ToolFormat {
  return FORMATS.find(([inTemplate]) => inTemplate.test(template ?? ''))?.[1] ?? GENERIC;
}
