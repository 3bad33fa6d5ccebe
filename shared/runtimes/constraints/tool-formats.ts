/** How the models of one family write their calls. All texts are those the models were trained on, to the letter. */
export type ToolFormat = {
  readonly name: 'call-token' | 'hermes' | 'llama-3' | 'generic';
  /** What begins a call. Without one an answer is a call when it begins with `open`. */
  readonly mark: string | null;
  /** Between the mark and the function's name, the name and its arguments, and at the end. */
  readonly open: string;
  readonly between: string;
  readonly close: string;
  /** Between one call and the mark of the next; `null` where there is only ever one. */
  readonly separator: string | null;
  /** Whether the model's own chat template shows the tools, the calls and their results. */
  readonly isInTemplate: boolean;
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
  [
    /<tool_call>/,
    {
      name: 'hermes',
      mark: '<tool_call>',
      open: '\n{"name": "',
      between: '", "arguments": ',
      close: '}\n</tool_call>',
      separator: '\n',
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
export const TOOL_MARKS: readonly string[] = FORMATS.flatMap(([, { mark }]) => (mark === null ? [] : [mark]));

/** The format of a model with this chat template. */
export function toolFormatOf(template: string | null): ToolFormat {
  return FORMATS.find(([inTemplate]) => inTemplate.test(template ?? ''))?.[1] ?? GENERIC;
}
