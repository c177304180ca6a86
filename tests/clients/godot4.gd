# Godot 4: load what the editor imported, one line of JSON with triangles, bodies and own levels for each file.
extends SceneTree

var facts: Dictionary


func walk(node: Node, place: Transform3D) -> void:
	if node is Node3D:
		place = place * node.transform
	facts["kinds"].append(node.get_class())
	if node is MeshInstance3D and node.mesh != null:
		facts["names"].append(node.name)
		add(node.mesh, place)
	if node is CollisionShape3D:
		facts["bodies"].append(node.shape.get_class())
		for point in node.shape.points if node.shape is ConvexPolygonShape3D else []:
			facts["lowest"] = min(facts["lowest"], (place * point).y)
	for child in node.get_children():
		walk(child, place)


func add(mesh: Mesh, place: Transform3D) -> void:
	for surface in mesh.get_surface_count():
		var arrays := mesh.surface_get_arrays(surface)
		for k in arrays[Mesh.ARRAY_INDEX]:
			var point: Vector3 = place * arrays[Mesh.ARRAY_VERTEX][k]
			facts["points"].append_array([point.x, point.y, point.z])
		facts["levels"].append(RenderingServer.mesh_get_surface(mesh.get_rid(), surface).get("lods", []).size())
		var material := mesh.surface_get_material(surface)
		if material is BaseMaterial3D:
			var texture: Texture2D = material.albedo_texture
			facts["materials"].append({
				"name": material.resource_name,
				"roughness": material.roughness,
				"map": null if texture == null else [texture.get_width(), texture.get_height()],
			})


func _initialize() -> void:
	for file in OS.get_environment("SLIPCAST_FILES").split(","):
		facts = {"points": [], "names": [], "kinds": [], "materials": [], "bodies": [], "levels": [], "lowest": 1e9}
		var scene: Node = load("res://" + file).instantiate()
		walk(scene, Transform3D())
		scene.free()
		print("\n" + JSON.stringify(facts))
	quit()
