import { manyNodes } from '/work/fabric/test/bench/many-nodes.ts';
for (const f of await manyNodes()) console.log(JSON.stringify(f));
