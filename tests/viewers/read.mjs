// Reads a segmentation or a parametric map as OHIF does: `node read.mjs segmentation|map OBJECT OUT IMAGE...`
// OUT gets the labels (uint16) or values (float32) in the machine's byte order, [image, row, column], images as named.
import { readFileSync, writeFileSync } from "node:fs";
import { adaptersPMAP, adaptersSEG } from "@cornerstonejs/adapters";
import { metaData } from "@cornerstonejs/core";
import dcmjs from "dcmjs";

const [kind, object, out, ...images] = process.argv.slice(2);
const { DicomMessage, DicomMetaDictionary } = dcmjs.data;

function bytes(path) {
  const file = readFileSync(path);
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
}

const instances = new Map(
  images.map((path) => [path, DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(bytes(path)).dict)]),
);
const added = new Map(); // what the adapters add themselves

function plane(ds) {
  const cosines = ds.ImageOrientationPatient.map(Number);
  return {
    rows: ds.Rows,
    columns: ds.Columns,
    rowCosines: cosines.slice(0, 3),
    columnCosines: cosines.slice(3),
    imageOrientationPatient: cosines,
    imagePositionPatient: ds.ImagePositionPatient.map(Number),
    rowPixelSpacing: Number(ds.PixelSpacing[0]),
    columnPixelSpacing: Number(ds.PixelSpacing[1]),
    frameOfReferenceUID: ds.FrameOfReferenceUID,
  };
}

const modules = {
  instance: (ds) => ds,
  imagePlaneModule: plane,
  generalSeriesModule: (ds) => ({ modality: ds.Modality, seriesInstanceUID: ds.SeriesInstanceUID }),
  generalImageModule: (ds) => ({ sopInstanceUID: ds.SOPInstanceUID }),
};
metaData.addProvider((type, id) => {
  const ds = instances.get(id);
  return ds && modules[type] ? modules[type](ds) : added.get(`${type} ${id}`);
}, 9999);
const provider = { get: metaData.get, addCustomMetadata: (id, type, value) => added.set(`${type} ${id}`, value) };

async function segmentation() {
  const { labelMapImages } = await adaptersSEG.Cornerstone3D.Segmentation.createFromDICOMSegBuffer(
    images, bytes(object), { metadataProvider: provider },
  );
  if (labelMapImages.length !== 1) throw new Error(`${labelMapImages.length} layers of overlapping segments`);
  return Uint16Array.from(labelMapImages[0].flatMap((image) => Array.from(image.voxelManager.getScalarData())));
}

async function map() {
  const read = await adaptersPMAP.Cornerstone3D.ParametricMap.generateToolState(images, bytes(object), provider);
  return read.pixelData;
}

const voxels = await { segmentation, map }[kind]();
writeFileSync(out, Buffer.from(voxels.buffer, voxels.byteOffset, voxels.byteLength));
