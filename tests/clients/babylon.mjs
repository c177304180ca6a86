// Babylon.js without a screen (NullEngine): load each GLB as its loader does, MSFT_lod included, and say what is shown.
//   node babylon.mjs FILE...        one line of JSON each
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(path.join(process.env.SLIPCAST_NODE, 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const core = await load('@babylonjs/core/index.js');
await load('@babylonjs/loaders/glTF/index.js');

for (const file of process.argv.slice(2)) {
  const engine = new core.NullEngine();
  const scene = new core.Scene(engine);
  const warned = [];
  core.Logger.Warn = (message) => warned.push(String(message).slice(0, 200));
  const stages = [];
  let parsedLods = 0;
  core.SceneLoader.OnPluginActivatedObservable.add((loader) => {
    loader.onExtensionLoadedObservable.add((extension) => {
      if (extension.name !== 'MSFT_lod') return;
      extension.onNodeLODsLoadedObservable.add((level) => { stages.push(level); });
      parsedLods = 1;
    });
  });
  const bytes = new Uint8Array(fs.readFileSync(file));
  await core.SceneLoader.AppendAsync('', bytes, scene, undefined, '.glb').catch((error) => { warned.push(String(error)); });
  for (let waited = 0; waited < 50 && stages.length < Number(process.env.SLIPCAST_LODS ?? 0); waited++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const shown = scene.meshes.filter((mesh) => mesh.getTotalIndices() > 0 && mesh.isEnabled() && mesh.isVisible);
  const box = scene.getWorldExtends((mesh) => shown.includes(mesh));
  console.log(JSON.stringify({
    program: `Babylon.js ${core.Engine.Version}`, file, warned, stages, lod_extension: Boolean(parsedLods),
    names: shown.map((mesh) => mesh.name),
    triangles: shown.reduce((sum, mesh) => sum + mesh.getTotalIndices() / 3, 0),
    all_triangles: scene.meshes.reduce((sum, mesh) => sum + mesh.getTotalIndices() / 3, 0),
    height: box.max.y - box.min.y,
  }));
  engine.dispose();
}
process.exit(0);
