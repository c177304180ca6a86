// model-viewer in headless Chromium: load each GLB, ask it for its size and draw it.
//   node viewer.mjs FILE...        one line of JSON each; SLIPCAST_RENDER=FOLDER also keeps the pictures
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

const NODE = process.env.SLIPCAST_NODE;
const require = createRequire(path.join(NODE, 'package.json'));
const puppeteer = require('puppeteer-core');
const bundle = path.join(NODE, 'node_modules/@google/model-viewer/dist/model-viewer.min.js');
const version = JSON.parse(fs.readFileSync(path.join(NODE, 'node_modules/@google/model-viewer/package.json'))).version;
const files = process.argv.slice(2);

const page = (k) => `<!doctype html><body style="margin:0;background:#fff"><script type="module" src="/viewer.js"></script>
<model-viewer src="/file/${k}.glb" style="width:384px;height:384px" camera-orbit="0deg 90deg auto"
  interaction-prompt="none" environment-image="neutral"></model-viewer>`;
const server = http.createServer((request, reply) => {
  const [, kind, number] = request.url.match(/^\/(viewer|file|page)[./]?(\d*)/) ?? [];
  if (kind === 'viewer') { reply.setHeader('content-type', 'text/javascript'); reply.end(fs.readFileSync(bundle)); return; }
  if (kind === 'page') { reply.setHeader('content-type', 'text/html'); reply.end(page(number)); return; }
  if (kind === 'file') { reply.end(fs.readFileSync(files[Number(number)])); return; }
  reply.statusCode = 404;
  reply.end();
}).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
    '--ignore-gpu-blocklist'],
});
try {
  for (const [k, file] of files.entries()) {
    const tab = await browser.newPage();
    await tab.setViewport({ width: 384, height: 384 });
    const errors = [];
    tab.on('pageerror', (error) => errors.push(String(error)));
    await tab.goto(`http://127.0.0.1:${server.address().port}/page/${k}`);
    const facts = await tab.evaluate(async () => {
      const viewer = document.querySelector('model-viewer');
      await customElements.whenDefined('model-viewer');
      if (!viewer.loaded) await new Promise((resolve, reject) => {
        viewer.addEventListener('load', resolve);
        viewer.addEventListener('error', (event) => reject(new Error(event.detail?.sourceError ?? 'error')));
      });
      await new Promise((resolve) => setTimeout(resolve, 500));
      const size = viewer.getDimensions();
      const scene = viewer[Object.getOwnPropertySymbols(viewer).find((symbol) => symbol.description === 'scene')];
      let triangles = 0;
      const names = [];
      scene.traverse((entry) => {
        const geometry = entry.isMesh && entry.visible ? entry.geometry : null;
        if (!geometry || !entry.name || entry.material?.isShadowMaterial) return;
        names.push(entry.name);
        triangles += (geometry.index ? geometry.index.count : geometry.attributes.position.count) / 3;
      });
      return { size: [size.x, size.y, size.z], triangles, names };
    });
    const picture = await tab.screenshot({ encoding: 'binary' });
    if (process.env.SLIPCAST_RENDER) {
      fs.writeFileSync(path.join(process.env.SLIPCAST_RENDER, path.basename(file) + '.viewer.png'), picture);
    }
    console.log(JSON.stringify({ program: `model-viewer ${version}`, file, ...facts, errors, picture_bytes: picture.length }));
    await tab.close();
  }
} finally {
  await browser.close();
  server.close();
}
