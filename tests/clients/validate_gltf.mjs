// Khronos glTF-Validator: one line of JSON for each file.  node validate_gltf.mjs FILE...
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.SLIPCAST_NODE, 'package.json'));
const validator = require('gltf-validator');

for (const file of process.argv.slice(2)) {
  const report = await validator.validateBytes(new Uint8Array(readFileSync(file)), {
    uri: path.basename(file),
    maxIssues: 0,
    writeTimestamp: false,
    externalResourceFunction: async (uri) =>
      new Uint8Array(readFileSync(path.join(path.dirname(file), decodeURIComponent(uri)))),
  });
  const { numErrors, numWarnings, numInfos, numHints, messages } = report.issues;
  console.log(JSON.stringify({
    file,
    program: `Khronos validator ${validator.version()}`,
    errors: numErrors,
    warnings: numWarnings,
    infos: numInfos,
    hints: numHints,
    messages: messages.slice(0, 20).map((m) => `${m.code} ${m.pointer ?? ''}: ${m.message}`),
    triangles: report.info.totalTriangleCount,
    images: (report.info.resources ?? []).filter((r) => r.image).map((r) => [r.image.width, r.image.height]),
  }));
}
