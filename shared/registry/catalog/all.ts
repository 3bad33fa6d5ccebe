import type { ServiceDefinition } from '../service.ts';
import { AI_ML } from './ai-ml.ts';
import { ANALYTICS } from './analytics.ts';
import { DEVELOPMENT } from './development.ts';
import { GAMING } from './gaming.ts';
import { MEDIA } from './media.ts';
import { SCIENTIFIC } from './scientific.ts';

/**
 * The services that come with every relay. One whose runtime is a type of job runs on the nodes of today; the others
 * say what a node must have, and run on none until nodes and relay know their runtime.
 */
export const BUILT_IN_SERVICES: readonly ServiceDefinition[] = [
  ...AI_ML,
  ...MEDIA,
  ...SCIENTIFIC,
  ...ANALYTICS,
  ...GAMING,
  ...DEVELOPMENT,
];
