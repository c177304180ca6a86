// three.js in headless Chromium: load each file with three's own loader, measure it, draw it, count its hues.
//   node three.mjs FILE...        one line of JSON each; SLIPCAST_RENDER=FOLDER also keeps the pictures
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

const NODE = process.env.SLIPCAST_NODE;
const require = createRequire(path.join(NODE, 'package.json'));
const puppeteer = require('puppeteer-core');
const SIDE_PX = 384;
const SIDES = { yaws: [0, 90, 180, 270], width: 150, height: 200, fill: 0.88 }; // as slipcast.pipeline.preview draws them

async function inPage(file, sidePx, sides) {
  const T = await import('three');
  const addon = async (module, name) => (await import(`three/addons/loaders/${module}.js`))[name];
  const suffix = file.split('.').pop().toLowerCase();
  const url = '/files/' + encodeURIComponent(file);
  const manager = new T.LoadingManager();
  const failed = [];
  const warned = [];
  const warn = console.warn;
  console.warn = (...words) => { warned.push(words.join(' ').slice(0, 200)); warn(...words); };
  manager.onError = (missing) => failed.push(missing);
  const everything = new Promise((resolve) => { manager.onLoad = resolve; });
  let root;
  if (suffix === 'glb' || suffix === 'gltf') {
    const loader = new (await addon('GLTFLoader', 'GLTFLoader'))(manager);
    loader.setMeshoptDecoder((await import('three/addons/libs/meshopt_decoder.module.js')).MeshoptDecoder);
    const draco = new (await addon('DRACOLoader', 'DRACOLoader'))();
    loader.setDRACOLoader(draco.setDecoderPath('/three/examples/jsm/libs/draco/gltf/'));
    root = (await loader.loadAsync(url)).scene;
  } else if (suffix === 'obj') {
    const text = await (await fetch(url)).text();
    const materials = new (await addon('MTLLoader', 'MTLLoader'))(manager).setResourcePath('/files/');
    const library = await materials.loadAsync('/files/' + encodeURIComponent(text.match(/^mtllib (.+)$/m)[1]));
    library.preload();
    root = new (await addon('OBJLoader', 'OBJLoader'))(manager).setMaterials(library).parse(text);
  } else if (suffix === 'fbx') {
    root = await new (await addon('FBXLoader', 'FBXLoader'))(manager).loadAsync(url);
  } else if (suffix === '3mf') {
    root = await new (await addon('3MFLoader', 'ThreeMFLoader'))(manager).loadAsync(url);
  } else if (suffix === 'usdz') {
    root = await new (await addon('USDLoader', 'USDLoader'))(manager).loadAsync(url);
  } else {
    const name = suffix.toUpperCase() + 'Loader';
    const geometry = await new (await addon(name, name))(manager).loadAsync(url);
    root = new T.Mesh(geometry, new T.MeshStandardMaterial({ vertexColors: !!geometry.attributes.color }));
  }
  // Loaders resolve before their textures are there.
  await Promise.race([everything, new Promise((resolve) => setTimeout(resolve, 4000))]);
  root.updateMatrixWorld(true);
  const points = [];
  const names = [];
  const materials = [];
  root.traverse((entry) => {
    if (!entry.isMesh) return;
    names.push(entry.name);
    const position = entry.geometry.attributes.position;
    const index = entry.geometry.index;
    const v = new T.Vector3();
    for (let k = 0; k < (index ? index.count : position.count); k++) {
      v.fromBufferAttribute(position, index ? index.getX(k) : k).applyMatrix4(entry.matrixWorld);
      points.push(v.x, v.y, v.z);
    }
    for (const m of Array.isArray(entry.material) ? entry.material : [entry.material]) {
      const image = m.map && m.map.image;
      materials.push({
        name: m.name, roughness: m.roughness, metallic: m.metalness, color: m.color.getHexString(),
        map: image ? [image.width, image.height] : null, color_space: m.map ? m.map.colorSpace : null,
      });
    }
  });
  const zUp = ['stl', '3mf', 'ply'].includes(suffix);
  const box = new T.Box3().setFromObject(root, true);
  const center = box.getCenter(new T.Vector3());
  const size = box.getSize(new T.Vector3()).length();
  const renderer = new T.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  renderer.setSize(sidePx, sidePx);
  renderer.setClearColor(0xffffff);
  document.body.replaceChildren(renderer.domElement);
  const scene = new T.Scene();
  scene.add(root, new T.HemisphereLight(0xffffff, 0xaaaaaa, 2.5));
  const camera = new T.PerspectiveCamera(35, 1, size * 0.01, size * 50);
  const side = zUp ? new T.Vector3(0.4, -1, 0.3) : new T.Vector3(0.4, 0.3, 1);
  if (zUp) camera.up.set(0, 0, 1);
  camera.position.copy(center).add(side.normalize().multiplyScalar(size * 1.9));
  camera.lookAt(center);
  renderer.render(scene, camera);
  renderer.render(scene, camera);
  const gl = renderer.getContext();
  const pixels = new Uint8Array(4 * sidePx * sidePx);
  gl.readPixels(0, 0, sidePx, sidePx, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  const hues = {};
  let drawn = 0;
  for (let k = 0; k < sidePx * sidePx; k++) {
    const [r, g, b] = pixels.subarray(4 * k, 4 * k + 3);
    if (Math.min(r, g, b) > 245) continue;
    drawn++;
    const hue = r > 1.5 * g && r > 1.5 * b ? 'red' : g > 1.25 * r && g > 1.25 * b ? 'green'
      : b > 1.3 * r && b > 1.2 * g ? 'blue' : r > 1.4 * b && g > 1.3 * b ? 'yellow' : null;
    if (!hue) continue;
    const sum = (hues[hue] ??= [0, 0, 0]);
    sum[0]++; sum[1] += k % sidePx; sum[2] += sidePx - 1 - Math.floor(k / sidePx);
  }
  renderer.dispose();
  // The four sides without shading: ambient light of pi gives the texture's own colours.
  const flat = new T.WebGLRenderer({ antialias: true, alpha: true, preserveDrawingBuffer: true });
  flat.setSize(sides.width, sides.height);
  flat.setClearColor(0xffffff, 0);
  document.body.replaceChildren(flat.domElement);
  root.position.sub(center);
  const upright = new T.Group().add(root);
  if (zUp) upright.rotation.x = -Math.PI / 2;
  const turned = new T.Group().add(upright);
  const stage = new T.Scene().add(turned, new T.AmbientLight(0xffffff, Math.PI));
  turned.updateMatrixWorld(true);
  const extent = new T.Box3().setFromObject(turned, true).getSize(new T.Vector3());
  const scale = sides.fill * Math.min(sides.width / Math.max(extent.x, extent.z), sides.height / extent.y);
  const [right, top] = [sides.width / 2 / scale, sides.height / 2 / scale];
  const viewer = new T.OrthographicCamera(-right, right, top, -top, 0, 20 * size);
  viewer.position.z = 10 * size;
  const seen = flat.getContext();
  const drawings = [];
  for (const yaw of sides.yaws) {
    turned.rotation.y = (yaw * Math.PI) / 180;
    flat.render(stage, viewer);
    const rgba = new Uint8Array(4 * sides.width * sides.height);
    seen.readPixels(0, 0, sides.width, sides.height, seen.RGBA, seen.UNSIGNED_BYTE, rgba);
    let text = '';
    for (let k = 0; k < rgba.length; k += 8192) text += String.fromCharCode(...rgba.subarray(k, k + 8192));
    drawings.push(btoa(text));
  }
  console.warn = warn;
  flat.dispose();
  return {
    program: `three.js r${T.REVISION}`, points, names, materials, failed, warned, drawn, drawings,
    hues: Object.fromEntries(Object.entries(hues).map(([hue, [n, x, y]]) => [hue, [n, x / n, y / n]])),
  };
}

const page = `<!doctype html><body style="margin:0"><script type="importmap">{"imports":
{"three":"/three/build/three.module.js","three/addons/":"/three/examples/jsm/"}}</script>`;
const kinds = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.png': 'image/png', '.jpg': 'image/jpeg' };
let folder = '';
const server = http.createServer((request, reply) => {
  const at = decodeURIComponent(request.url.split('?')[0]);
  if (at === '/') { reply.setHeader('content-type', 'text/html'); reply.end(page); return; }
  const file = at.startsWith('/three/') ? path.join(NODE, 'node_modules', at)
    : at.startsWith('/files/') ? path.join(folder, at.slice(7)) : '';
  if (!file || !fs.existsSync(file)) { reply.statusCode = 404; reply.end(); return; }
  reply.setHeader('content-type', kinds[path.extname(file)] ?? 'application/octet-stream');
  fs.createReadStream(file).pipe(reply);
}).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
    '--ignore-gpu-blocklist'],
});
try {
  for (const file of process.argv.slice(2)) {
    folder = path.dirname(path.resolve(file));
    const tab = await browser.newPage();
    await tab.setViewport({ width: SIDE_PX, height: SIDE_PX });
    const errors = [];
    tab.on('pageerror', (error) => errors.push(String(error)));
    await tab.goto(`http://127.0.0.1:${server.address().port}/`);
    const facts = await tab.evaluate(inPage, path.basename(file), SIDE_PX, SIDES);
    if (process.env.SLIPCAST_RENDER) {
      await tab.screenshot({ path: path.join(process.env.SLIPCAST_RENDER, path.basename(file) + '.three.png') });
    }
    console.log(JSON.stringify({ file, ...facts, errors }));
    await tab.close();
  }
} finally {
  await browser.close();
  server.close();
}
