/** Opens the key of a data folder as a node does, twice, and prints where it lies and which it is. */
import { openKeyBox } from '../../main/headless/key-box.ts';
import { readOrCreateNodeKey } from '../../main/headless/node-key.ts';

const [dataFolder = ''] = process.argv.slice(2);
const open = async () => {
  const box = await openKeyBox({ dataFolder, keyStore: 'keychain' });
  return { where: box.where, publicKey: (await readOrCreateNodeKey(box)).publicKey };
};
console.log(JSON.stringify([await open(), await open()]));
