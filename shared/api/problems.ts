import { Type } from 'typebox';

/** What a code of the problem table means, whatever request met it. */
export const ProblemFacts = Type.Object({
  code: Type.String(),
  title: Type.String(),
  status: Type.Integer({ description: 'The HTTP status that errors with this code have' }),
  retry: Type.Enum(['never', 'later', 'elsewhere'], {
    description:
      '`never`: the same request fails again. `later`: it may work after a pause. `elsewhere`: it may work at another node',
  }),
  advice: Type.String({ description: 'What to do' }),
});

export const ProblemList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(ProblemFacts),
  next: Type.Null({ description: 'All are in one list' }),
});
