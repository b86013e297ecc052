import { expect, it } from 'vitest';
import { deviceName } from './device-name';

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';

it.each([
  [{ deviceName: 'my laptop', userAgent: CHROME }, 'my laptop'],
  [{ deviceName: null, userAgent: CHROME }, 'Chrome, Linux'],
  [{ userAgent: `${CHROME} Edg/156.0.0.0` }, 'Edge, Linux'],
  [
    { userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1' },
    'Safari, iOS',
  ],
  [{ userAgent: 'Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0' }, 'Firefox, Windows'],
  [{ userAgent: 'curl/8.14' }, 'curl/8.14'],
  [{ userAgent: null }, null],
])('calls %j %j', (device, name) => {
  expect(deviceName(device)).toBe(name);
});
