/** What is said to the tests themselves. */
const OF_TESTS = /^SPAREWATT_(TEST|ELECTRON|SCREENS|BENCH|E2E|FABRIC_CLIENT)/;
/** Settings of Sparewatt whose names are everybody's. */
const OTHERS = ['DATABASE_URL', 'HF_TOKEN', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_HEADERS'];

/**
 * An environment without the settings of whoever runs the tests: relays and nodes of tests would take them for their own, and
 * write what they try into that database.
 */
export function ownEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isSetting = (name: string): boolean =>
    OTHERS.includes(name) || (name.startsWith('SPAREWATT_') && !OF_TESTS.test(name));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isSetting(name)));
}
