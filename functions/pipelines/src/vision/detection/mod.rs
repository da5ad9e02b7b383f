//! `object-detection`: decoders for networks with object queries, such as DETR, and for YOLO's.

mod class_names;
mod decoder;
mod object_detection;
mod queries;
mod rows;
mod suppression;
mod yolo;
mod yolo_form;

pub use self::object_detection::ObjectDetection;
