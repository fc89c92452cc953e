// Eigen draws pictures: of the data that both widgets share, which the first gives.
Object.assign(Eigen, {
  // at is the row at a place in the space of the components.
  at(place) {
    return data.mean.map((m, j) => m + place.reduce((s, t, i) => s + t * data.components[i][j], 0) * (data.scale ? data.scale[j] : 1));
  },
  rgb(name) {
    const c = document.createElement("canvas").getContext("2d");
    c.fillStyle = Report.css(name);
    c.fillRect(0, 0, 1, 1);
    return c.getImageData(0, 0, 1, 1).data;
  },
  draw(canvas, values, from, to, part) {
    const [w, h] = data.image;
    canvas.width = w;
    canvas.height = h;
    const g = canvas.getContext("2d"), pixels = g.createImageData(w, h);
    values.forEach((v, j) => {
      const t = Math.max(0, Math.min(1, part(v)));
      for (let k = 0; k < 3; k++) pixels.data[4 * j + k] = from[k] + t * (to(v)[k] - from[k]);
      pixels.data[4 * j + 3] = 255;
    });
    g.putImageData(pixels, 0, 0);
  },
  // picture draws a row from the least value of the pixels (paper) to the greatest (ink).
  picture(canvas, values) {
    const ink = Eigen.rgb("--ink");
    Eigen.draw(canvas, values, Eigen.rgb("--card"), () => ink, (v) => (v - data.low) / (data.high - data.low || 1));
  },
  // signed draws loadings, of both signs.
  signed(canvas, values) {
    const most = Math.max(...values.map(Math.abs)) || 1, plus = Eigen.rgb("--plus"), minus = Eigen.rgb("--minus");
    Eigen.draw(canvas, values, Eigen.rgb("--card"), (v) => v < 0 ? minus : plus, (v) => Math.abs(v) / most);
  },
});
