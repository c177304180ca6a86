// The model on a report's page: unpacks it, draws it with three.js, turns it by mouse, finger and keyboard.
// Draws only when something changes, so that an open page costs nothing.
(async () => {
  'use strict';
  const canvas = document.getElementById('canvas');
  const fallback = document.getElementById('fallback');
  const say = (words) => { document.getElementById('said').textContent = words; };

  try {
    const layout = JSON.parse(document.getElementById('layout').textContent);
    const blocks = await unpacked(document.getElementById('geometry').textContent.trim());
    const texture = document.getElementById('texture');
    const relief = document.getElementById('relief');
    await Promise.all([texture.decode(), relief?.decode()]);
    start(layout, blocks, texture, relief);
  } catch (error) {
    // No WebGL, or a browser too old to unpack: the pictures below still tell all there is.
    canvas.hidden = true;
    fallback.hidden = false;
    canvas.dataset.state = 'failed';
    canvas.dataset.reason = String(error);
  }

  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Response(stream).arrayBuffer();
  }

  function geometryOf(layout, buffer) {
    const { vertices, faces, wide, mapped } = layout;
    let at = 0;
    const block = (Kind, count) => {
      const made = new Kind(buffer.slice(at, at + count * Kind.BYTES_PER_ELEMENT));
      at += made.byteLength;
      return made;
    };
    const index = block(wide ? Uint32Array : Uint16Array, 3 * faces);
    const position = block(Uint16Array, 3 * vertices);
    const uv = block(Uint16Array, 2 * vertices);
    const normal = block(Int8Array, 3 * vertices);
    const thickness = block(Uint8Array, vertices);
    const source = block(Uint8Array, vertices);
    const geometry = new THREE.BufferGeometry();
    geometry.setIndex(new THREE.BufferAttribute(index, 1));
    geometry.setAttribute('position', new THREE.BufferAttribute(position, 3, true));
    geometry.setAttribute('uv', new THREE.BufferAttribute(uv, 2, true));
    geometry.setAttribute('normal', new THREE.BufferAttribute(normal, 3, true));
    if (mapped) geometry.setAttribute('tangent', new THREE.BufferAttribute(block(Int8Array, 4 * vertices), 4, true));
    const ramp = Array.from({ length: 256 }, (_, k) => mixed(layout.thickness, k / 255));
    const colors = {
      thickness: paint(thickness, (level) => ramp[level]),
      source: paint(source, (kind) => layout.sources[kind]),
    };
    return { geometry, colors };
  }

  function mixed(stops, place) {
    for (let k = 1; k < stops.length; k++) {
      const [from, first] = stops[k - 1];
      const [to, second] = stops[k];
      if (place <= to) {
        const share = Math.max(0, (place - from) / (to - from));
        return first.map((value, channel) => value + (second[channel] - value) * share);
      }
    }
    return stops[stops.length - 1][1];
  }

  function paint(levels, colorOf) {
    const out = new Float32Array(3 * levels.length);
    const color = new THREE.Color();
    const known = new Map();
    levels.forEach((level, k) => {
      if (!known.has(level)) {
        const [red, green, blue] = colorOf(level);
        color.setRGB(red / 255, green / 255, blue / 255, THREE.SRGBColorSpace);
        known.set(level, [color.r, color.g, color.b]);
      }
      out.set(known.get(level), 3 * k);
    });
    return new THREE.BufferAttribute(out, 3);
  }

  function start(layout, buffer, image, relief) {
    const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
    renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    const { geometry, colors } = geometryOf(layout, buffer);
    const textureOf = (shown) => {
      const made = new THREE.Texture(shown);
      made.flipY = false;
      made.anisotropy = renderer.capabilities.getMaxAnisotropy();
      made.needsUpdate = true;
      return made;
    };
    const map = textureOf(image);
    map.colorSpace = THREE.SRGBColorSpace;
    const normalMap = relief && textureOf(relief);
    const matte = { roughness: 0.85, metalness: 0 };
    const materials = {
      texture: new THREE.MeshStandardMaterial({ map, normalMap, ...matte }),
      shape: new THREE.MeshStandardMaterial({ color: 0xc9ced6, normalMap, ...matte }),
      normals: new THREE.MeshNormalMaterial({ normalMap }),
      thickness: new THREE.MeshStandardMaterial({ vertexColors: true, ...matte }),
      source: new THREE.MeshStandardMaterial({ vertexColors: true, ...matte }),
      wires: new THREE.MeshStandardMaterial({ color: 0x4a72b8, wireframe: true, ...matte }),
    };
    const model = new THREE.Mesh(geometry, materials.texture);
    model.position.fromArray(layout.low);
    model.scale.setScalar(layout.size);
    const scene = new THREE.Scene();
    scene.add(model, new THREE.HemisphereLight(0xffffff, 0x9aa3b0, 2.1));
    const camera = new THREE.PerspectiveCamera(26, 1, layout.size / 100, layout.size * 40);
    const lamp = new THREE.DirectionalLight(0xffffff, 1.5);
    camera.add(lamp);
    lamp.position.set(-0.6, 0.8, 0.6);
    scene.add(camera);
    const step = 10 ** Math.round(Math.log10(layout.size / 8));
    const cells = 2 * Math.ceil((0.8 * layout.size) / step);
    const grid = new THREE.GridHelper(cells * step, cells, 0x8793a1, 0x8793a1);
    grid.material.transparent = true;
    grid.material.opacity = 0.28;
    scene.add(grid);
    document.getElementById('cell').textContent = `${+(step * 1000).toPrecision(3)} mm`;

    geometry.computeBoundingBox();
    const extent = geometry.boundingBox.getSize(new THREE.Vector3()).multiplyScalar(layout.size);
    const middle = geometry.boundingBox.getCenter(new THREE.Vector3()).multiplyScalar(layout.size).add(model.position);
    const controls = new THREE.OrbitControls(camera, canvas);
    controls.enableDamping = false;
    controls.minDistance = layout.size * 0.4;
    controls.maxDistance = layout.size * 12;

    const draw = () => {
      renderer.render(scene, camera);
      canvas.dataset.state = 'drawn';
    };
    const home = () => {
      const tall = Math.max(extent.y, Math.max(extent.x, extent.z) / camera.aspect) * 1.18 + extent.z * 0.3;
      const far = tall / 2 / Math.tan((camera.fov / 2) * (Math.PI / 180));
      controls.target.copy(middle);
      camera.position.copy(middle).add(new THREE.Vector3(0.42, 0.22, 1).normalize().multiplyScalar(far));
      controls.update();
      draw();
    };
    const fit = () => {
      const { clientWidth, clientHeight } = canvas.parentElement;
      renderer.setSize(clientWidth, clientHeight, false);
      camera.aspect = clientWidth / Math.max(clientHeight, 1);
      camera.updateProjectionMatrix();
      draw();
    };
    fit();
    home();
    controls.addEventListener('change', draw);
    new ResizeObserver(fit).observe(canvas.parentElement);

    // The shown mode.
    for (const choice of document.querySelectorAll('input[name="mode"]')) {
      choice.addEventListener('change', () => {
        model.material = materials[choice.value];
        if (colors[choice.value]) geometry.setAttribute('color', colors[choice.value]);
        for (const legend of document.querySelectorAll('[data-legend]')) {
          legend.hidden = legend.dataset.legend !== choice.value;
        }
        draw();
      });
    }

    // Turning.
    const turn = (across, up) => {
      const arm = camera.position.clone().sub(controls.target);
      const reach = arm.length();
      const yaw = Math.atan2(arm.x, arm.z) + across;
      const pitch = Math.min(1.5, Math.max(-1.5, Math.asin(arm.y / reach) + up));
      arm.set(Math.sin(yaw) * Math.cos(pitch), Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)).multiplyScalar(reach);
      camera.position.copy(controls.target).add(arm);
      controls.update();
      draw();
    };
    const zoom = (factor) => {
      const arm = camera.position.clone().sub(controls.target);
      const reach = Math.min(controls.maxDistance, Math.max(controls.minDistance, arm.length() * factor));
      camera.position.copy(controls.target).add(arm.setLength(reach));
      controls.update();
      draw();
    };
    const keys = {
      ArrowLeft: () => turn(-0.2, 0), ArrowRight: () => turn(0.2, 0), ArrowUp: () => turn(0, 0.15),
      ArrowDown: () => turn(0, -0.15), '+': () => zoom(0.85), '=': () => zoom(0.85), '-': () => zoom(1.18), 0: home,
    };
    canvas.addEventListener('keydown', (event) => {
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
      const arm = camera.position.clone().sub(controls.target);
      say(`turned to ${Math.round((Math.atan2(arm.x, arm.z) * 180) / Math.PI + 360) % 360} degrees`);
    });
    const spin = document.getElementById('spin');
    let before = 0;
    const frame = (now) => {
      if (spin.getAttribute('aria-pressed') !== 'true') return;
      turn(Math.min(now - before, 100) * 0.0006, 0);
      before = now;
      requestAnimationFrame(frame);
    };
    spin.addEventListener('click', () => {
      const on = spin.getAttribute('aria-pressed') !== 'true';
      spin.setAttribute('aria-pressed', String(on));
      before = performance.now();
      if (on) requestAnimationFrame(frame);
    });
    document.getElementById('home').addEventListener('click', home);
  }
})();
