import { manyNodes } from './many-nodes.ts';
for (const f of await manyNodes()) console.log(JSON.stringify(f));
